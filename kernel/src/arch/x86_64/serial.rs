//! The serial ports: COM1 is the console, COM2 carries data (`/dev/ttyS1`).

use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::{IER, LSR};
use uart_16550::{BaudRate, Config, Uart16550};

use super::cpu::IrqLock;
use super::{clock, idt};

const PORT: u16 = 0x3f8;
const DATA_PORT: u16 = 0x2f8;
const LINE: u8 = 4;
/// How long to wait for a full transmitter before bytes are dropped: the other end may be slow, but must not hang the
/// kernel.
const SEND_TIMEOUT_NS: u64 = 1_000_000_000;
/// The same as a number of polls, of at least 0.1 us each, before the clock is calibrated.
const MAX_POLLS: u32 = 1_000_000;
/// Maximum number of bytes read by one interrupt, so that a device that never stops does not hang the kernel.
const MAX_RECEIVED_BYTES: usize = 4096;

struct Serial {
    uart: Uart16550<PioBackend>,
    /// The last bytes could not be sent: until some can, the device is polled only once.
    is_stuck: bool,
}

/// The port; `None` before it is set up, or if there is none.
static LINE_STATE: IrqLock<Option<Serial>> = IrqLock::new(None);

/// COM2, in the same way.
static DATA_LINE: IrqLock<Option<Serial>> = IrqLock::new(None);

/// Bytes that are sent on COM2 while interrupts are masked: 1.4 ms at the line's speed.
const DATA_CHUNK_BYTES: usize = 16;

/// Sets the ports up, if there are any: 115,200 baud, 8 bits, no parity, FIFO enabled.
pub(crate) fn init() {
    *LINE_STATE.lock() = open(PORT);
    *DATA_LINE.lock() = open(DATA_PORT);
}

fn open(port: u16) -> Option<Serial> {
    // SAFETY: the ports of COM1 and COM2, which only this file uses; without the device reads and writes have no effect.
    let mut uart = unsafe { Uart16550::new_port(port) }.ok()?;
    // The driver waits for an empty transmitter without a limit, so this is checked first.
    if !uart.check_present() || !(0..MAX_POLLS).any(|_| uart.lsr().contains(LSR::TRANSMITTER_EMPTY)) {
        return None;
    }
    let config = Config { baud_rate: BaudRate::Baud115200, ..Config::DEFAULT };
    uart.init(config).ok().map(|()| Serial { uart, is_stuck: false })
}

/// Enables interrupts for received bytes.
pub(crate) fn enable_input() {
    if let Some(serial) = LINE_STATE.lock().as_mut() {
        idt::handle_line(LINE, "serial", receive);
        serial.uart.enable_interrupts(IER::DATA_READY);
    }
}

/// Writes bytes, `\n` as `\r\n`.
pub(crate) fn write(bytes: &[u8]) {
    if let Some(serial) = LINE_STATE.lock().as_mut() {
        serial.send(bytes);
    }
}

/// Writes bytes as they are to COM2. Returns how many were sent: fewer if the device is stuck, `None` if there is none.
pub(crate) fn write_data(bytes: &[u8]) -> Option<usize> {
    let mut sent = 0;
    for chunk in bytes.chunks(DATA_CHUNK_BYTES) {
        let count = DATA_LINE.lock().as_mut()?.send_raw(chunk);
        sent += count;
        if count < chunk.len() {
            break;
        }
    }
    Some(sent)
}

/// Reads what has come on COM2, without waiting; `None` if there is no device.
pub(crate) fn read_data(target: &mut [u8]) -> Option<usize> {
    DATA_LINE.lock().as_mut().map(|serial| serial.uart.receive_bytes(target))
}

/// Writes bytes even if the lock is held, as its holder never continues.
pub(crate) fn write_emergency(bytes: &[u8]) {
    if let Some(mut serial) = LINE_STATE.try_lock() {
        if let Some(serial) = serial.as_mut() {
            serial.send(bytes);
        }
        return;
    }
    // The lock's holder was writing, so the port is set up, and sending needs only the device's state. A fresh driver
    // assumes that the FIFO is disabled, and sends byte by byte.
    // SAFETY: COM1's ports; the holder of the lock never continues.
    if let Ok(uart) = unsafe { Uart16550::new_port(PORT) } {
        Serial { uart, is_stuck: false }.send(bytes);
    }
}

impl Serial {
    fn send(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) => {
                    self.send_raw(text);
                    self.send_raw(b"\r\n");
                }
                None => {
                    self.send_raw(line);
                }
            }
        }
    }

    /// Returns the number of bytes sent: all, unless the device is stuck.
    fn send_raw(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            let sent = self.send_some(rest);
            self.is_stuck = sent == 0;
            if self.is_stuck {
                break;
            }
            rest = rest.get(sent..).unwrap_or_default();
        }
        bytes.len() - rest.len()
    }

    /// Waits for room and fills it. Returns the number of bytes sent; 0 if the device is stuck.
    fn send_some(&mut self, bytes: &[u8]) -> usize {
        let mut sent = self.uart.send_bytes(bytes);
        if sent > 0 || self.is_stuck {
            return sent;
        }
        let end_ns = clock::uptime_ns().saturating_add(SEND_TIMEOUT_NS);
        let mut looks = 0;
        while sent == 0 && looks < MAX_POLLS && clock::uptime_ns() < end_ns {
            sent = self.uart.send_bytes(bytes);
            looks += 1;
        }
        sent
    }
}

/// Reads received bytes.
fn receive() {
    let mut buffer = [0; 16];
    for _ in 0..MAX_RECEIVED_BYTES / buffer.len() {
        let count = LINE_STATE.lock().as_mut().map_or(0, |serial| serial.uart.receive_bytes(&mut buffer));
        for &byte in buffer.iter().take(count) {
            super::typed(byte);
        }
        if count < buffer.len() {
            return;
        }
    }
}
