//! What the tracker needs from its host, a kernel or a program, in three traits: [`Platform`], which every host
//! implements; [`GuardPages`], for sampled blocks; and [`Hooks`], optional callbacks. The last two have defaults for every
//! method, so a host that wants neither writes two empty `impl`s.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use crate::corruption::Corruption;
use crate::guard_level::GuardLevel;
use crate::level::Level;
use crate::refused::LockRefused;

/// Bytes in a page, the unit in which the arena grows and shrinks.
pub const PAGE_SIZE_BYTES: usize = 4096;

/// The unit in which records keep stamps: they keep the upper 48 of the clock's 64 bits.
pub const STAMP_STEP: u64 = 1 << 16;

/// A stack, and the frame to start a walk from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackSpan {
    /// The frame pointer to start from.
    pub frame_pointer: usize,
    /// The stack's lowest address.
    pub start: usize,
    /// The stack's size in bytes, at least 16. All of it can be read.
    pub size_bytes: usize,
}

/// The host of a tracker: clock, CPU, task, critical sections, pages for the arena, and the stack.
///
/// No method may allocate from the tracked heap, or panic, as methods are called under the tracker's lock.
///
/// # Safety
///
/// `take_page` returns memory of [`PAGE_SIZE_BYTES`] bytes, aligned to that size, that nobody else uses until
/// `give_page`. `stack` names memory that can be read, at least 16 bytes. `enter_critical` keeps every interrupt
/// handler that may allocate from running on this CPU until `leave_critical`.
pub unsafe trait Platform: GuardPages + Hooks + Sync {
    /// A clock stamp that never goes back; always 0 means that there is no clock.
    ///
    /// Records keep its upper 48 bits, multiples of [`STAMP_STEP`], so a 64-bit counter can be given as it is: if it counts
    /// nanoseconds, these are steps of 66 microseconds, and last for 584 years; a time stamp counter of 3 GHz has steps of
    /// 22 microseconds, and lasts for 194 years. A coarser clock is to be shifted left: milliseconds by 16 bits, for instance,
    /// which last for 8,900 years.
    #[inline]
    fn stamp(&self) -> u64 {
        0
    }

    /// Converts a stamp to nanoseconds since the start.
    #[inline]
    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        stamp
    }

    /// The number of the CPU that runs this.
    #[inline]
    fn cpu(&self) -> u8 {
        0
    }

    /// A number of the CPU that runs this, as [`Platform::cpu`] or another below 2^31, if that takes only a few instructions
    /// and no call. Two CPUs must have different ones. The fast path uses this where there can be
    /// [lanes](Platform::LANES).
    #[inline]
    fn cpu_fast(&self) -> u32 {
        self.cpu().into()
    }

    /// The number of the task that runs this; 0 while there are no tasks.
    #[inline]
    fn task(&self) -> u16 {
        0
    }

    /// How many CPUs or threads may work in the tracker at once. With 1, one lock stands around all of it. With more,
    /// each has a lane of its own, from the time on when a second one allocates or frees: the one of its number,
    /// [`Platform::cpu`], modulo this. At most [`MAX_LANES`](crate::MAX_LANES) count.
    const LANES: usize = 1;

    /// Called by who waits for another CPU or thread, for the turn number `turns`, from 0 on. A program with more
    /// threads than CPUs gives its CPU away after some turns: the one that is waited for may need it.
    #[inline]
    fn relax(&self, turns: u32) {
        let _ = turns;
        core::hint::spin_loop();
    }

    /// Enters a critical section: masks interrupts, where there are any. The tracker's lock is taken inside. The returned
    /// value is passed to [`Platform::leave_critical`], as by `acquire` and `release` of the crate critical-section.
    fn enter_critical(&self) -> usize;

    /// Leaves the critical section. `saved` is what [`Platform::enter_critical`] returned.
    fn leave_critical(&self, saved: usize);

    /// A page for the arena, from outside the tracked heap; `None` if there is none.
    fn take_page(&self) -> Option<NonNull<u8>>;

    /// Gives a page of the arena back.
    ///
    /// # Safety
    ///
    /// `page` came from `take_page` and nothing points into it any more.
    unsafe fn give_page(&self, page: NonNull<u8>);

    /// The frame pointer of the function that this is called in; 0 if there is none.
    ///
    /// An implementation that reads the register is `#[inline(always)]`.
    #[inline]
    fn frame_pointer(&self) -> usize {
        0
    }

    /// The return addresses of the function that this is called in, and of that function's caller; 0 where one is not known.
    /// They identify who freed a block, as a free without guards does not walk the stack. Called for each such free at
    /// level `stacks` and above.
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

    /// As [`Platform::stack`], if that takes only a few instructions and no call. The fast path uses this.
    #[inline]
    fn stack_fast(&self, frame_pointer: usize) -> Option<StackSpan> {
        self.stack(frame_pointer)
    }
}

/// Passes the name of the function that a return address lies in to the visitor, if it is known.
pub type NameFunctions<'a> = dyn Fn(usize, &mut dyn FnMut(&str)) + 'a;

/// A tracker as its host sees it when it is used for the first time, whatever its backend is.
pub trait FirstUse {
    /// Sets how much is recorded and guarded, and the length of the history if it is to have another.
    fn set_up(&self, level: Level, guard: GuardLevel, history_events: Option<usize>);

    /// Takes the tracker's lock until [`FirstUse::release`], so that it is held by nobody else at a fork.
    fn hold(&self);

    /// Releases the lock that [`FirstUse::hold`] has taken.
    ///
    /// # Safety
    ///
    /// This thread holds it, or is the copy of the one that does, in the child of a fork.
    unsafe fn release(&self);

    /// Writes the frames of the call stack with this number; nothing if it is not known.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn write_stack(&self, number: u16, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Writes the totals and the call stacks that hold most; `name` is the heap's.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn write_report(&self, name: &str, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Writes a dump with each live block, and each event of the history; `load_offset` is that of
    /// [`DumpOptions`](crate::report::DumpOptions::load_offset).
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn write_dump(
        &self,
        program: &str,
        load_offset: usize,
        names: &NameFunctions<'_>,
        out: &mut dyn fmt::Write,
    ) -> fmt::Result;
}

/// A window of address space for sampled blocks, with guard pages between them. A host without one keeps the defaults: no
/// block is sampled then.
///
/// # Safety
///
/// `open_window` returns address space that nobody else uses, aligned to pages. A committed page of it has
/// [`PAGE_SIZE_BYTES`] bytes, which nobody else uses while access to it is allowed.
pub unsafe trait GuardPages {
    /// Reserves address space for `pages` pages, all of them without memory and protected. `None` if there is none. Not
    /// called again before [`GuardPages::close_window`].
    fn open_window(&self, pages: usize) -> Option<NonNull<u8>> {
        let _ = pages;
        None
    }

    /// Releases the window. None of its pages is committed or allows access.
    fn close_window(&self) {}

    /// Gives a page of the window memory of its own, with arbitrary contents, and allows access to it. False if there is no
    /// memory.
    ///
    /// # Safety
    ///
    /// The page lies in the window, is not committed, and is protected.
    unsafe fn commit_page(&self, page: NonNull<u8>) -> bool {
        let _ = page;
        false
    }

    /// Takes a page's memory back, and protects it.
    ///
    /// # Safety
    ///
    /// The page is committed, and no live block is in it.
    unsafe fn decommit_page(&self, page: NonNull<u8>) {
        let _ = page;
    }

    /// Forbids access to a page of the window. Its memory stays, with its contents. The page may be protected already.
    ///
    /// # Safety
    ///
    /// The page lies in the window, and no live block is in it.
    unsafe fn protect_page(&self, page: NonNull<u8>) {
        let _ = page;
    }

    /// Allows access to a page of the window: to its own memory, or, if it is not committed, to memory that nobody uses. The
    /// page may allow access already.
    ///
    /// # Safety
    ///
    /// The page lies in the window.
    unsafe fn unprotect_page(&self, page: NonNull<u8>) {
        let _ = page;
    }
}

/// Callbacks: reports, and decisions that a host may make. The defaults do nothing.
pub trait Hooks {
    /// Called once for each corruption that was found, by the operation that found it, after the tracker's lock was
    /// released. `frame_pointer` identifies the caller of that operation.
    fn on_corruption(&self, corruption: &Corruption, frame_pointer: usize) {
        let _ = (corruption, frame_pointer);
    }

    /// Whether the tracker's lock must be held by code on this CPU that cannot continue before this returns, as it was
    /// interrupted or is a caller of this: then waiting would never end. Called in a critical section, each time that the
    /// lock is found held. Where another CPU or thread may hold it, this must return false, and the caller waits.
    #[cold]
    fn is_lock_held_here(&self) -> bool {
        false
    }

    /// Called when an operation was refused, as [`Hooks::is_lock_held_here`] returned true. The lock is still held, so any
    /// query of the tracker from here panics. `frame_pointer` identifies the caller of the operation.
    #[cold]
    fn on_lock_refused(&self, refused: &LockRefused, frame_pointer: usize) {
        let _ = (refused, frame_pointer);
    }

    /// Called when an allocation failed; `frame_pointer` identifies its caller. The tracker's lock is not held.
    #[cold]
    fn allocation_failed(&self, layout: Layout, frame_pointer: usize) {
        let _ = (layout, frame_pointer);
    }

    /// Fault injection: whether an allocation of `size_bytes` is to fail; `frame_pointer` identifies the caller.
    /// Called under the tracker's lock, and only while
    /// [`Tracked::set_fault_injection`](crate::Tracked::set_fault_injection) is on.
    #[cold]
    fn should_fail(&self, size_bytes: usize, frame_pointer: usize) -> bool {
        let _ = (size_bytes, frame_pointer);
        false
    }

    /// Called when the tracker is used for the first time, outside of its lock: to set it up as the surroundings say.
    #[cold]
    fn on_first_use(&self, tracker: &dyn FirstUse) {
        let _ = tracker;
    }

    /// Writes the name of a return address, or the address itself. Called by reports, without the tracker's lock.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn write_address(&self, address: usize, out: &mut dyn fmt::Write) -> fmt::Result {
        write!(out, "{address:#x}")
    }

    /// Whether a return address lies in code of the allocator, whose frames a call stack leaves out.
    #[inline]
    fn is_allocator_code(&self, address: usize) -> bool {
        let _ = address;
        false
    }
}
