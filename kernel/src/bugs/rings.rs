//! A network device that moves packets through rings of descriptors in pages of its own. It has bugs, for people to find.
//!
//! A descriptor is 64 bytes, so a page has 64. The pages come straight from the allocator of pages, not from the heap.

use core::ptr::NonNull;

use arrayvec::ArrayVec;
use tally_heap::PAGE_BYTES;

use crate::memory::Purpose;
use crate::memory::page_accounting::{give_pages, take_pages};

const DESCRIPTOR_BYTES: usize = 64;
/// A ring has four pages.
const RING_ORDER: u32 = 2;
/// Times that the device is reset.
const RESETS: usize = 3;
/// Buffers of a queue, each a page.
const BUFFERS: usize = 8;

/// A ring, or a buffer of one page.
struct Pages {
    start: NonNull<u8>,
    order: u32,
}

impl Pages {
    fn new(order: u32) -> Option<Self> {
        let pages = take_pages(order, Purpose::Drivers).map(|start| Self { start, order });
        if pages.is_none() {
            log::error!("rings: out of memory: no {} pages", 1 << order);
        }
        pages
    }

    fn free(self) {
        // SAFETY: from `take_pages`, and this is its only owner.
        unsafe { give_pages(self.start, self.order) };
    }

    /// Writes a descriptor.
    fn write(&self, number: usize) {
        // SAFETY: the caller chooses the number; one past the end is the mistake of `overrun_buffer`.
        unsafe {
            self.start.as_ptr().wrapping_add(number * DESCRIPTOR_BYTES).write_bytes(0xd5, DESCRIPTOR_BYTES);
        };
    }
}

/// A device with the ring that it receives into.
struct Device {
    ring: Option<Pages>,
}

/// Brings the device up, resets it when it hangs, and shuts it down. Each reset loses the ring before.
pub(super) fn receive() {
    let mut device = Device { ring: None };
    device.bring_up();
    let mut resets = 0;
    // As many resets as hangs: the compiler does not know how many that is.
    while core::hint::black_box(resets) < RESETS && device.reset_when_it_hangs() {
        resets += 1;
    }
    device.shut_down();
    log::info!("rings: the device hung, and was reset {resets} times");
}

impl Device {
    fn bring_up(&mut self) -> bool {
        let ring = Pages::new(RING_ORDER);
        let is_up = ring.is_some();
        if let Some(ring) = &ring {
            ring.write(0);
        }
        self.ring = ring;
        is_up
    }

    /// The mistake: the new ring takes the place of the old one, which nobody gives back.
    #[inline(never)]
    fn reset_when_it_hangs(&mut self) -> bool {
        core::hint::black_box(self.bring_up())
    }

    fn shut_down(&mut self) {
        if let Some(ring) = self.ring.take() {
            ring.free();
        }
    }
}

/// The device does not start. The driver gives its ring back, and then its remover does so once more.
pub(super) fn fail_to_start() {
    let Some(ring) = Pages::new(RING_ORDER) else { return };
    let again = Pages { start: ring.start, order: ring.order };
    give_ring_back_after_failed_start(ring);
    remove_device_that_never_started(again);
    core::hint::black_box("failed");
}

#[inline(never)]
fn give_ring_back_after_failed_start(ring: Pages) {
    ring.free();
    core::hint::black_box("did not start");
}

#[inline(never)]
fn remove_device_that_never_started(ring: Pages) {
    // The pages are free already, and the tracker refuses this.
    ring.free();
    core::hint::black_box("removed");
}

/// A queue of buffers. One of them goes back early; then the driver writes descriptors into the one before it, more than
/// it has room for; then the queue is filled up again.
pub(super) fn overrun_buffer() {
    let mut queue: ArrayVec<Pages, BUFFERS> = (0..BUFFERS).map_while(|_| Pages::new(0)).collect();
    let is_before = |pair: &[Pages]| {
        matches!(pair, [first, second]
            if first.start.as_ptr().wrapping_add(PAGE_BYTES) == second.start.as_ptr())
    };
    if let Some(place) = queue.windows(2).position(is_before) {
        give_buffer_back_early(queue.remove(place + 1));
        if let Some(buffer) = queue.get(place) {
            write_descriptors_beyond_the_last(buffer);
        }
        fill_queue(&mut queue);
    }
    queue.into_iter().for_each(Pages::free);
}

#[inline(never)]
fn give_buffer_back_early(buffer: Pages) {
    buffer.free();
    core::hint::black_box("back");
}

#[inline(never)]
fn write_descriptors_beyond_the_last(buffer: &Pages) {
    const LAST: usize = PAGE_BYTES / DESCRIPTOR_BYTES - 1;
    // The numbers are those of a larger ring.
    for number in [0, 1, LAST, LAST + 3] {
        buffer.write(number);
    }
}

#[inline(never)]
fn fill_queue(queue: &mut ArrayVec<Pages, BUFFERS>) {
    while !queue.is_full()
        && let Some(buffer) = Pages::new(0)
    {
        queue.push(buffer);
    }
}
