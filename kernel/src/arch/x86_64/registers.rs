//! The current registers, for the report of a panic.

use core::arch::global_asm;

use super::idt::InterruptFrame;

global_asm!(include_str!("registers.s"));

unsafe extern "C" {
    fn registers_capture(frame: *mut InterruptFrame);
}

/// The registers of the function into which this is inlined. Caller-saved registers may have changed.
#[expect(clippy::inline_always, reason = "stack and frame pointer must be those of the caller")]
#[inline(always)]
pub(crate) fn capture() -> InterruptFrame {
    const { assert!(size_of::<InterruptFrame>() == 176) };
    let mut frame = InterruptFrame::default();
    // SAFETY: writes the fields of a frame, which is as long as the function says.
    unsafe { registers_capture(&raw mut frame) };
    frame
}
