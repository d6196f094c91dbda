//! Memory of devices and of the firmware: mapped when somebody asks for it, uncached, and for good.
//!
//! The frames for page tables come from above: `memory` registers itself.

use core::ptr::NonNull;

use spin::Once;

use super::{PAddr, VAddr, backtrace, cpu, paging};

/// Hands out a frame, by its physical address.
type FrameSource = fn() -> Option<PAddr>;

static FRAMES: Once<FrameSource> = Once::new();

/// Has page tables made of frames from `source`.
pub(crate) fn take_frames_from(source: FrameSource) {
    FRAMES.call_once(|| source);
}

/// Maps a device's memory, uncached; it stays mapped.
#[inline(never)]
pub(crate) fn map(physical: PAddr, size_bytes: usize) -> Option<NonNull<u8>> {
    let caller = backtrace::walk(cpu::frame_pointer()).next().unwrap_or(VAddr::zero());
    paging::map_device(physical, size_bytes, caller, &mut || FRAMES.get().and_then(|take| take()))
}
