//! Memory of devices and of the firmware: mapped uncached on request, and never unmapped.
//!
//! `memory` registers the function that hands out frames for page tables.

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

/// Maps a device's memory, uncached; it stays mapped.
#[inline(never)]
pub(crate) fn map(physical: PAddr, size_bytes: usize) -> Option<NonNull<u8>> {
    let caller = backtrace::walk(cpu::frame_pointer()).next().unwrap_or(VAddr::zero());
    paging::map_device(physical, size_bytes, caller, &mut || FRAMES.get().and_then(|take| take()))
}
