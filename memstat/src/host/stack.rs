//! Where each thread's stack lies. Asked for once a thread, when its first call stack is recorded.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::null_mut;

use super::symbols;
use crate::platform::StackSpan;

std::thread_local! {
    /// The address behind this thread's stack; 0 until it is known, 1 if it never will be.
    static END: Cell<usize> = const { Cell::new(0) };
}

/// This thread's stack, if it is known already. It begins here: whatever frame pointers say, nothing below is read.
#[inline]
pub(super) fn known(frame_pointer: usize) -> Option<StackSpan> {
    let here = 0_usize;
    let start = &raw const here as usize;
    let size_bytes = END.try_with(Cell::get).ok()?.checked_sub(start)?;
    (size_bytes >= 2 * size_of::<usize>()).then_some(StackSpan { frame_pointer, start, size_bytes })
}

/// The same, asked for if it is not.
#[cold]
pub(super) fn find(frame_pointer: usize) -> Option<StackSpan> {
    if END.try_with(Cell::get) == Ok(0) {
        // The first call stack is about to be recorded.
        symbols::load();
        END.set(end().unwrap_or(1));
    }
    known(frame_pointer)
}

/// The end of this thread's stack, by the C library.
fn end() -> Option<usize> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut start, mut size_bytes) = (null_mut(), 0);
    // SAFETY: the attributes are read only if the call has written them, and destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let answer = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size_bytes);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if answer != 0 {
            return None;
        }
    }
    let (start, here) = (start as usize, &raw const start as usize);
    // A program may run on a stack of its own, such as one for signals.
    (start..start + size_bytes).contains(&here).then_some(start + size_bytes)
}
