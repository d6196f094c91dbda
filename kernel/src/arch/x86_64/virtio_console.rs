//! The virtio console: QEMU's `-device virtio-serial-pci -device virtconsole,chardev=...`, the second way for data out
//! of this machine, and the faster one: a page at a time.
//!
//! The device is asked, and never interrupts. Its driver here has one buffer for each direction and allocates nothing
//! after its start: the crate's own driver of consoles takes a buffer from the heap, and waits without end for a host
//! that does not read. Source: Virtual I/O Device (VIRTIO) Version 1.2, section 5.3.

use core::ops::Range;
use core::ptr::NonNull;
use core::slice;

use virtio_drivers::device::common::Feature;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::pci::bus::{BarInfo, Command, DeviceFunction, PciRoot};
use virtio_drivers::transport::pci::{PciTransport, virtio_device_type};
use virtio_drivers::transport::{DeviceType, Transport};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use super::cpu::IrqLock;
use super::pci::{self, Ports};
use super::{PAddr, VAddr, clock, devices, direct_map};

/// The queues of a console's first port.
const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
/// One buffer is on its way at a time.
const QUEUE_LENGTH: usize = 2;
/// How long to wait for the host to take a buffer: it may be slow, but must not hang the kernel.
const SEND_TIMEOUT_NS: u64 = 1_000_000_000;

type Queue = VirtQueue<SharedMemory, QUEUE_LENGTH>;

/// The console; `None` if there is none. Beside the serial lines in the order of locks.
static CONSOLE: IrqLock<Option<Console>> = IrqLock::new(None);

/// Why a console that is there cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unusable {
    /// Its registers are not where a virtio device has them.
    Registers,
    /// Its registers could not be mapped.
    Mapping,
    /// It is older than version 1 of virtio, which has another layout.
    Version,
    /// No pages for queues and buffers.
    Pages,
}

impl core::fmt::Display for Unusable {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(match self {
            Self::Registers => "its registers are not those of a virtio device",
            Self::Mapping => "its registers cannot be mapped",
            Self::Version => "it is older than virtio 1.0",
            Self::Pages => "no pages for its queues and buffers",
        })
    }
}

/// Looks for a console and starts it.
pub(super) fn init() {
    let Some(function) = pci::find(|info| virtio_device_type(info) == Some(DeviceType::Console)) else {
        return;
    };
    match Console::start(function) {
        Ok(console) => {
            *CONSOLE.lock() = Some(console);
            log::info!("virtio console: PCI device {function}");
        }
        Err(error) => log::warn!("virtio console: PCI device {function} is not used: {error}"),
    }
}

/// Whether there is a console.
pub(crate) fn is_present() -> bool {
    CONSOLE.lock().is_some()
}

/// Writes bytes. Returns how many the device has been given: fewer if the host does not take them, `None` if there is no
/// console.
pub(crate) fn write(bytes: &[u8]) -> Option<usize> {
    let mut given = 0;
    for chunk in bytes.chunks(PAGE_SIZE) {
        if !wait_until_sent()? || !CONSOLE.lock().as_mut()?.send(chunk) {
            break;
        }
        given += chunk.len();
    }
    wait_until_sent()?;
    Some(given)
}

/// Reads what has come, without waiting; `None` if there is no console.
pub(crate) fn read(target: &mut [u8]) -> Option<usize> {
    CONSOLE.lock().as_mut().map(|console| console.take_received(target))
}

/// Waits until the host has taken what was sent last; false if it does not. Interrupts are masked for each look only.
fn wait_until_sent() -> Option<bool> {
    let end_ns = clock::uptime_ns().saturating_add(SEND_TIMEOUT_NS);
    loop {
        let mut console = CONSOLE.lock();
        let console = console.as_mut()?;
        if console.has_sent() {
            return Some(true);
        }
        // Once the host has let a buffer lie, nobody waits for that one again.
        if console.is_stuck || clock::uptime_ns() > end_ns {
            console.is_stuck = true;
            return Some(false);
        }
        core::hint::spin_loop();
    }
}

struct Console {
    transport: PciTransport,
    transmit: Queue,
    receive: Queue,
    outgoing: Page,
    incoming: Page,
    /// What the device is sending: the queue's token, and the number of bytes.
    sending: Option<(u16, usize)>,
    /// The host did not take the last buffer in time.
    is_stuck: bool,
    /// The token of the buffer that the device may fill.
    receiving: Option<u16>,
    /// What has come and was not read yet, in `incoming`.
    received: Range<usize>,
}

impl Console {
    fn start(function: DeviceFunction) -> Result<Self, Unusable> {
        let mut root = PciRoot::new(Ports);
        let (_, command) = root.get_status_command(function);
        let wanted = Command::MEMORY_SPACE | Command::BUS_MASTER | Command::INTERRUPT_DISABLE;
        root.set_command(function, command | wanted);
        map_registers(&mut root, function)?;
        let mut transport =
            PciTransport::new::<SharedMemory, _>(&mut root, function).map_err(|_| Unusable::Registers)?;
        // No multiple ports: without that feature the first one is connected from the start.
        if !transport.begin_init(Feature::VERSION_1).contains(Feature::VERSION_1) {
            return Err(Unusable::Version);
        }
        let mut queue = |number| {
            let mut queue = Queue::new(&mut transport, number, false, false).map_err(|_| Unusable::Pages)?;
            queue.set_dev_notify(false);
            Ok(queue)
        };
        let (receive, transmit) = (queue(RECEIVE)?, queue(TRANSMIT)?);
        let (outgoing, incoming) = Page::take().zip(Page::take()).ok_or(Unusable::Pages)?;
        transport.finish_init();
        let mut console = Self {
            transport,
            transmit,
            receive,
            outgoing,
            incoming,
            sending: None,
            is_stuck: false,
            receiving: None,
            received: 0..0,
        };
        console.offer_buffer();
        Ok(console)
    }

    /// Gives the device at most a page to send. False if it has not sent the last one, or does not take this one.
    fn send(&mut self, bytes: &[u8]) -> bool {
        if self.sending.is_some() {
            return false;
        }
        let Some(place) = self.outgoing.bytes_mut().get_mut(..bytes.len()) else { return false };
        place.copy_from_slice(bytes);
        // SAFETY: nobody touches the buffer until `has_sent` has taken it out of the queue.
        let Ok(token) = (unsafe { self.transmit.add(&[place], &mut []) }) else { return false };
        self.sending = Some((token, bytes.len()));
        if self.transmit.should_notify() {
            self.transport.notify(TRANSMIT);
        }
        true
    }

    /// Whether the device is done with what it was given.
    fn has_sent(&mut self) -> bool {
        let Some((token, length)) = self.sending else { return true };
        let bytes = self.outgoing.bytes_mut().get(..length).unwrap_or_default();
        // SAFETY: the buffer that was added with this token.
        if unsafe { self.transmit.pop_used(token, &[bytes], &mut []) }.is_ok() {
            self.sending = None;
            self.is_stuck = false;
        }
        self.sending.is_none()
    }

    fn take_received(&mut self, target: &mut [u8]) -> usize {
        if self.received.is_empty() {
            self.look_for_received();
        }
        let Range { start, end } = self.received;
        let bytes = self.incoming.bytes_mut().get(start..end).unwrap_or_default();
        let count = bytes.len().min(target.len());
        for (place, byte) in target.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.received.start += count;
        if self.received.is_empty() {
            self.offer_buffer();
        }
        count
    }

    fn look_for_received(&mut self) {
        let Some(token) = self.receiving else { return };
        // SAFETY: the buffer that was added with this token.
        let length = unsafe { self.receive.pop_used(token, &[], &mut [self.incoming.bytes_mut()]) };
        if let Ok(length) = length {
            self.receiving = None;
            self.received = 0..(length as usize).min(PAGE_SIZE);
        }
    }

    /// Lets the device fill the buffer, unless it does already.
    fn offer_buffer(&mut self) {
        if self.receiving.is_some() {
            return;
        }
        // SAFETY: nobody touches the buffer until `look_for_received` has taken it out of the queue.
        self.receiving = unsafe { self.receive.add(&[], &mut [self.incoming.bytes_mut()]) }.ok();
        if self.receive.should_notify() {
            self.transport.notify(RECEIVE);
        }
    }
}

/// Maps all registers of the device, so that whatever part of them the transport wants is there.
fn map_registers(root: &mut PciRoot<Ports>, function: DeviceFunction) -> Result<(), Unusable> {
    let regions = root.bars(function).map_err(|_| Unusable::Registers)?;
    for (start, size_bytes) in regions.iter().flatten().filter_map(BarInfo::memory_address_size) {
        if start != 0 && devices::map(PAddr(start), size_bytes as usize).is_none() {
            return Err(Unusable::Mapping);
        }
    }
    Ok(())
}

/// A page that the device reads or writes.
struct Page(NonNull<u8>);

// SAFETY: the page is this value's alone, wherever it is used from.
unsafe impl Send for Page {}

impl Page {
    fn take() -> Option<Self> {
        devices::take_shared_pages(0).map(Self)
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: a page of this value's own, zeroed at first.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr(), PAGE_SIZE) }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: taken with this order, and dropped only before the device knows of it.
        unsafe { devices::give_shared_pages(self.0, 0) };
    }
}

/// What the crate asks of this machine.
struct SharedMemory;

// SAFETY: pages are handed out once and zeroed, at a physical address that is the one that devices see; registers are
// mapped for this driver.
unsafe impl Hal for SharedMemory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        // 0 means that there are none.
        devices::take_shared_pages(order_of(pages))
            .map_or((0, NonNull::dangling()), |start| (physical_of(start).as_u64(), start))
    }

    unsafe fn dma_dealloc(_: PhysAddr, start: NonNull<u8>, pages: usize) -> i32 {
        // SAFETY: upheld by the caller.
        unsafe { devices::give_shared_pages(start, order_of(pages)) };
        0
    }

    unsafe fn mmio_phys_to_virt(physical: PhysAddr, size_bytes: usize) -> NonNull<u8> {
        devices::map(PAddr(physical), size_bytes)
            .expect("`map_registers` has mapped all of the device's regions")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        physical_of(buffer.cast()).as_u64()
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}

fn order_of(pages: usize) -> u32 {
    pages.next_power_of_two().trailing_zeros()
}

fn physical_of(pages: NonNull<u8>) -> PAddr {
    direct_map::to_physical(VAddr::from_usize(pages.as_ptr() as usize))
}
