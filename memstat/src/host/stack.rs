//! Where each thread's stack lies. Asked for once a thread, when its first call stack is recorded.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::null_mut;

use super::symbols;
use crate::platform::{PAGE_SIZE_BYTES, StackSpan};

/// Linux keeps so much free below the first thread's stack (`mmap_base` in arch/x86/mm/mmap.c): what lies further down may
/// be another stack.
const MAX_BYTES: usize = 128 << 20;

std::thread_local! {
    /// This thread's stack: the lowest address of it that is known to be there, and the address behind its end. Both are 0
    /// until they are asked for.
    static SPAN: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    /// How far down the stack may grow by itself, as the first thread's does: of that, nothing is there before somebody has
    /// been there. The highest address if it does not grow.
    static LOWEST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// This thread's stack, if it is known already, and is the one that is used.
#[inline]
pub(super) fn known(frame_pointer: usize) -> Option<StackSpan> {
    let here = 0_usize;
    let (start, end) = SPAN.try_with(Cell::get).ok()?;
    let is_inside = (start..end).contains(&(&raw const here as usize));
    is_inside.then_some(StackSpan { frame_pointer, start, size_bytes: end - start })
}

/// The same, asked for if it is not.
#[cold]
#[inline(never)]
pub(super) fn find(frame_pointer: usize) -> Option<StackSpan> {
    let here = 0_usize;
    let here = &raw const here as usize;
    let (mut start, mut end) = SPAN.try_with(Cell::get).ok()?;
    if end == 0 {
        // The first call stack is about to be recorded.
        symbols::load();
        (start, end) = ask()?;
        // SAFETY: they return numbers.
        let is_first = unsafe { i64::from(libc::getpid()) == libc::syscall(libc::SYS_gettid) };
        if is_first {
            LOWEST.set(start.max(end.saturating_sub(MAX_BYTES)));
            start = end;
        }
    }
    // What is there stays.
    if (LOWEST.get()..start).contains(&here) {
        start = here & !(PAGE_SIZE_BYTES - 1);
    }
    SPAN.set((start, end));
    known(frame_pointer)
}

/// This thread's stack, by the C library.
fn ask() -> Option<(usize, usize)> {
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
    Some((start as usize, start as usize + size_bytes))
}
