//! The serial line COM1.

use uart_16550::backend::PioBackend;
use uart_16550::{Config, Uart16550};

use super::idt;
use crate::console;
use crate::sync::IrqLock;

const PORT: u16 = 0x3f8;
const LINE: u8 = 4;
/// How often a full transmitter is looked at before a byte is given up: long enough for 115,200 baud, short
/// enough that a line that hangs does not hang the kernel.
const MOST_LOOKS: u32 = 200_000;

/// The line; `None` while it is not set up, or where there is none.
static LINE_STATE: IrqLock<Option<Uart16550<PioBackend>>> = IrqLock::new(None);

/// Sets the line up if there is one: 115,200 baud, 8 bits, no parity, FIFO on.
pub(crate) fn init() {
    // SAFETY: COM1's ports, which only this file touches; where there is no device nothing answers.
    let Ok(mut uart) = (unsafe { Uart16550::new_port(PORT) }) else { return };
    let config = Config { interrupts: uart_16550::spec::registers::IER::empty(), ..Config::DEFAULT };
    if uart.init(config).is_ok() {
        *LINE_STATE.lock() = Some(uart);
    }
}

/// Lets arriving bytes interrupt.
pub(crate) fn enable_input() {
    if let Some(uart) = LINE_STATE.lock().as_mut() {
        uart.enable_interrupts(uart_16550::spec::registers::IER::DATA_READY);
        idt::handle_line(LINE, receive);
    }
}

/// Writes bytes, `\n` as `\r\n`.
pub(crate) fn write(bytes: &[u8]) {
    if let Some(uart) = LINE_STATE.lock().as_mut() {
        send(uart, bytes);
    }
}

/// Writes bytes even if the line's lock is held: by whom does not matter any more.
pub(crate) fn write_emergency(bytes: &[u8]) {
    if let Some(mut uart) = LINE_STATE.try_lock() {
        if let Some(uart) = uart.as_mut() {
            send(uart, bytes);
        }
        return;
    }
    // SAFETY: COM1's ports; the holder of the lock is interrupted for good, so this is the only user left.
    if let Ok(mut uart) = unsafe { Uart16550::new_port(PORT) }
        && uart.check_present()
    {
        send(&mut uart, bytes);
    }
}

fn send(uart: &mut Uart16550<PioBackend>, bytes: &[u8]) {
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                send_all(uart, text);
                send_all(uart, b"\r\n");
            }
            None => send_all(uart, line),
        }
    }
}

fn send_all(uart: &mut Uart16550<PioBackend>, mut bytes: &[u8]) {
    let mut looks = 0;
    while !bytes.is_empty() && looks < MOST_LOOKS {
        let sent = uart.send_bytes(bytes);
        looks = if sent == 0 { looks + 1 } else { 0 };
        bytes = bytes.get(sent..).unwrap_or_default();
    }
}

/// Takes what arrived.
fn receive() {
    let mut buffer = [0; 16];
    loop {
        let count = LINE_STATE.lock().as_mut().map_or(0, |uart| uart.receive_bytes(&mut buffer));
        for &byte in buffer.iter().take(count) {
            console::input::push(byte);
        }
        if count == 0 {
            return;
        }
    }
}
