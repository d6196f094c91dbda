//! What the tracker needs from the place it runs in.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::corruption::Corruption;
use crate::refused::Refused;

/// Bytes in a page, the unit in which the arena grows and shrinks.
pub const PAGE_SIZE_BYTES: usize = 4096;

/// A stack, and where in it to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackSpan {
    /// The frame pointer to start from.
    pub frame_pointer: usize,
    /// The stack's lowest address.
    pub start: usize,
    /// Its length, at least 16. All of it can be read.
    pub size_bytes: usize,
}

/// The surroundings of a tracker: clock, CPU, task, interrupts, and frames for the arena.
///
/// No method may allocate from the heap that the tracker watches: all are called under its lock, but `tell` and
/// [`Platform::allocation_failed`]. [`Platform::refused`] runs while somebody else holds it.
///
/// # Safety
///
/// `take_page` returns memory of [`PAGE_SIZE_BYTES`] bytes, aligned to that size, that nobody else uses
/// until `give_page`. `open_window` returns address space that nobody else uses, and a page of it that has memory is as
/// long, and nobody else's, while it can be touched. `stack` names memory that can be read, at least 16 bytes. `mask_interrupts` keeps
/// every handler that may allocate from running on this CPU until `restore_interrupts`.
pub unsafe trait Platform: Sync {
    /// A clock stamp that never goes back; the lowest 48 bits are kept. Coarse is good enough.
    fn stamp(&self) -> u64;

    /// Nanoseconds since the start that a stamp stands for.
    fn stamp_to_ns(&self, stamp: u64) -> u64;

    /// The number of the CPU that runs this.
    fn cpu(&self) -> u8;

    /// The number of the task that runs this; 0 while there are no tasks.
    fn task(&self) -> u16;

    /// The frame pointer of the function that this is called in; 0 if there is none.
    ///
    /// An implementation that reads the register is `#[inline(always)]`.
    #[inline]
    fn frame_pointer(&self) -> usize {
        0
    }

    /// The return addresses of the function that this is called in and of the one that called it: who freed a block, where
    /// no stack is walked. Zeros where they are not known. It is called for each free at levels with stacks.
    ///
    /// An implementation that reads the register is `#[inline(always)]`.
    #[inline]
    fn callers(&self) -> [usize; 2] {
        [0; 2]
    }

    /// The stack that `frame_pointer` lies in; `None` if it is not known.
    #[inline]
    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        let _ = frame_pointer;
        None
    }

    /// As [`Platform::stack`], if that is told in a few instructions without a call. The fast path asks this.
    #[inline]
    fn stack_quickly(&self, frame_pointer: usize) -> Option<StackSpan> {
        self.stack(frame_pointer)
    }

    /// Whether a return address lies in code of the allocator, whose frames a call stack leaves out.
    #[inline]
    fn is_allocator_code(&self, address: usize) -> bool {
        let _ = address;
        false
    }

    /// Whether an allocation of `size_bytes` is to fail, to try what happens then; `frame_pointer` tells who asks.
    /// Asked only after [`Tracked::fail_on_purpose`](crate::Tracked::fail_on_purpose).
    #[cold]
    fn should_fail(&self, size_bytes: usize, frame_pointer: usize) -> bool {
        let _ = (size_bytes, frame_pointer);
        false
    }

    /// Told that an allocation was not served. The tracker's lock is not held.
    #[cold]
    fn allocation_failed(&self, layout: Layout, frame_pointer: usize) {
        let _ = (layout, frame_pointer);
    }

    /// Whether only what this CPU itself runs can hold the tracker's lock: what an interrupt broke into, or what calls
    /// this. It cannot go on before this returns, so there is no use in waiting. Asked while the lock is not free, with
    /// interrupts masked. Where others may hold it, other CPUs or threads, the answer is false, and the lock is waited
    /// for.
    #[cold]
    fn is_lock_held_here(&self) -> bool {
        false
    }

    /// Told that an operation was refused, as [`Platform::is_lock_held_here`] said that waiting would never end. Whoever
    /// holds the lock still does: to ask the tracker anything is to panic. `frame_pointer` tells who asked for it.
    #[cold]
    fn refused(&self, refused: &Refused, frame_pointer: usize) {
        let _ = (refused, frame_pointer);
    }

    /// Masks interrupts; what it returns says whether they were on.
    fn mask_interrupts(&self) -> usize;

    /// Turns interrupts on again if they were on when `mask_interrupts` returned `saved`.
    fn restore_interrupts(&self, saved: usize);

    /// A page for the arena, from outside the heap that is watched.
    fn take_page(&self) -> Option<NonNull<u8>>;

    /// Gives a page of the arena back.
    ///
    /// # Safety
    ///
    /// `page` came from `take_page` and nothing points into it any more.
    unsafe fn give_page(&self, page: NonNull<u8>);

    /// Address space for `pages` pages, none of which can be touched: for sampled blocks and the guard pages between
    /// them. `None` if there is none; so it is where the tracker cannot learn of faults. Not called again before
    /// [`Platform::close_window`].
    fn open_window(&self, pages: usize) -> Option<NonNull<u8>> {
        let _ = pages;
        None
    }

    /// Gives the window up. None of its pages can be touched or has memory.
    fn close_window(&self) {}

    /// Gives a page of the window memory of its own, with whatever contents, and lets it be touched. False if there is
    /// no memory.
    ///
    /// # Safety
    ///
    /// The page has none, and can't be touched.
    unsafe fn fill_page(&self, page: NonNull<u8>) -> bool {
        let _ = page;
        false
    }

    /// Takes a page's memory back. It can't be touched any more.
    ///
    /// # Safety
    ///
    /// The page has memory of its own. Nobody who may do so touches it any more.
    unsafe fn empty_page(&self, page: NonNull<u8>) {
        let _ = page;
    }

    /// Lets a page of the window be touched: its memory, or some that belongs to nobody. A page that can be touched
    /// already stays so.
    ///
    /// # Safety
    ///
    /// It lies in the window.
    unsafe fn show_page(&self, page: NonNull<u8>) {
        let _ = page;
    }

    /// Makes sure that a page of the window can't be touched. Its memory stays, with its contents.
    ///
    /// # Safety
    ///
    /// Nobody who may do so touches it any more.
    unsafe fn hide_page(&self, page: NonNull<u8>) {
        let _ = page;
    }

    /// Tells of a guard that was written over: called once for each, when the tracker's lock is not held any more, from
    /// the operation that found it. `frame_pointer` tells who asked for that.
    fn tell(&self, corruption: &Corruption, frame_pointer: usize) {
        let _ = (corruption, frame_pointer);
    }
}
