//! Memory of devices and of the firmware, mapped uncached on request and never unmapped; and pages of RAM that a device
//! reads and writes.
//!
//! `memory` registers the functions that hand out frames for page tables, and these pages.

use core::ptr::NonNull;

use spin::Once;

use super::{PAddr, VAddr, backtrace, cpu, paging};

/// Hands out a frame, by its physical address.
type FrameSource = fn() -> Option<PAddr>;

static FRAMES: Once<FrameSource> = Once::new();

/// Registers the function that hands out frames for page tables.
pub(crate) fn take_frames_from(source: FrameSource) {
    FRAMES.call_once(|| source);
}

/// Hands out pages that a device uses, and takes them back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedPages {
    /// Takes 2^order zeroed pages of the direct map.
    pub(crate) take: fn(order: u32) -> Option<NonNull<u8>>,
    /// Gives 2^order pages back, which nobody uses any more.
    pub(crate) give: unsafe fn(NonNull<u8>, order: u32),
}

static SHARED: Once<SharedPages> = Once::new();

/// Registers the source of pages that devices use.
pub(crate) fn share_pages_of(source: SharedPages) {
    SHARED.call_once(|| source);
}

/// Takes 2^`order` zeroed pages for a device.
pub(super) fn take_shared_pages(order: u32) -> Option<NonNull<u8>> {
    SHARED.get().and_then(|source| (source.take)(order))
}

/// Gives 2^`order` pages back.
///
/// # Safety
///
/// They were taken by [`take_shared_pages`] with this order, and neither kernel nor device uses them any more.
pub(super) unsafe fn give_shared_pages(pages: NonNull<u8>, order: u32) {
    if let Some(source) = SHARED.get() {
        // SAFETY: upheld by the caller.
        unsafe { (source.give)(pages, order) };
    }
}

/// Maps a device's memory, uncached; it stays mapped.
#[inline(never)]
pub(crate) fn map(physical: PAddr, size_bytes: usize) -> Option<NonNull<u8>> {
    let caller = backtrace::walk(cpu::frame_pointer()).next().unwrap_or(VAddr::zero());
    paging::map_device(physical, size_bytes, caller, &mut || FRAMES.get().and_then(|take| take()))
}
