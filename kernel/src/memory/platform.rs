//! The tracker's platform: time, call stacks, interrupts, pages, and callbacks for what it finds.

use core::alloc::Layout;
use core::ptr::NonNull;

use memstat::{BadFree, Corruption, GuardPages, Hooks, LockRefused, PAGE_SIZE_BYTES, Platform, StackSpan};
use spin::Once;
use tally_heap::{PAGE_BYTES, PoisonDamage};

use super::failures;
use super::page_tracker::{give_arena_page, take_arena_page};
use super::pages::guard_window;
use crate::arch::{VAddr, clock, cpu, image, size_bytes, stacks};

/// Callbacks for what the tracker finds. Each is called without the tracker's lock, with the frame pointer of the function
/// that called the allocator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reports {
    /// An allocation failed.
    pub(crate) out_of_memory: fn(Layout, VAddr),
    /// This CPU holds the tracker's lock already.
    pub(crate) deadlock: fn(&LockRefused, VAddr),
    /// A free was refused.
    pub(crate) bad_free: fn(&BadFree, VAddr),
    /// A free of pages was refused.
    pub(crate) bad_page_free: fn(&BadFree, VAddr),
    /// A free page was written to; and how many were so far.
    pub(crate) page_damage: fn(&PoisonDamage, u64, VAddr),
    /// A guard found damage.
    pub(crate) corruption: fn(&Corruption, VAddr),
}

static REPORTS: Once<Reports> = Once::new();

/// Registers the callbacks.
pub(super) fn report_to(reports: Reports) {
    REPORTS.call_once(|| reports);
}

/// Calls the callback for a refused free.
pub(super) fn report_bad_free(bad: &BadFree, frame_pointer: VAddr) {
    if let Some(reports) = REPORTS.get() {
        (reports.bad_free)(bad, frame_pointer);
    }
}

/// Calls the callback for a refused free of pages.
pub(super) fn report_bad_page_free(bad: &BadFree, frame_pointer: VAddr) {
    if let Some(reports) = REPORTS.get() {
        (reports.bad_page_free)(bad, frame_pointer);
    }
}

/// Calls the callback for a free page that was written to.
pub(super) fn report_page_damage(damage: &PoisonDamage, damaged: u64, frame_pointer: VAddr) {
    if let Some(reports) = REPORTS.get() {
        (reports.page_damage)(damage, damaged, frame_pointer);
    }
}

/// The tracker's platform. Its time stamps are values of the time stamp counter.
#[derive(Debug)]
pub(crate) struct KernelPlatform;

// SAFETY: pages come from the frames, each once; interrupts are masked on the one CPU that runs.
unsafe impl Platform for KernelPlatform {
    #[inline]
    fn stamp(&self) -> u64 {
        cpu::time_stamp_counter()
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        clock::counts_to_ns(stamp.saturating_sub(clock::start_count()))
    }

    #[inline]
    fn cpu(&self) -> u8 {
        0
    }

    #[inline]
    fn task(&self) -> u16 {
        0
    }

    #[expect(clippy::inline_always, reason = "the frame pointer must be that of the allocating function")]
    #[inline(always)]
    fn frame_pointer(&self) -> usize {
        cpu::frame_pointer().as_usize()
    }

    #[expect(clippy::inline_always, reason = "the frame must be that of the freeing function")]
    #[inline(always)]
    fn callers(&self) -> [usize; 2] {
        stacks::callers().map(VAddr::as_usize)
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        let stack = stacks::containing(VAddr::from_usize(frame_pointer))?;
        Some(StackSpan { frame_pointer, start: stack.start.as_usize(), size_bytes: size_bytes(&stack) })
    }

    #[inline]
    fn stack_fast(&self, frame_pointer: usize) -> Option<StackSpan> {
        let (start, size_bytes) = stacks::current_with(VAddr::from_usize(frame_pointer))?;
        Some(StackSpan { frame_pointer, start: start.as_usize(), size_bytes })
    }

    #[inline]
    fn enter_critical(&self) -> usize {
        cpu::save_flags_and_mask_interrupts()
    }

    #[inline]
    fn leave_critical(&self, saved: usize) {
        cpu::restore_interrupts(cpu::are_interrupts_enabled(saved));
    }

    fn take_page(&self) -> Option<NonNull<u8>> {
        const { assert!(PAGE_SIZE_BYTES == PAGE_BYTES) };
        take_arena_page()
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: upheld by the caller.
        unsafe { give_arena_page(page) };
    }
}

// SAFETY: the window is fresh address space, and each page of it gets memory that was taken for it alone.
unsafe impl GuardPages for KernelPlatform {
    fn open_window(&self, pages: usize) -> Option<NonNull<u8>> {
        guard_window::open(pages)
    }

    fn close_window(&self) {
        guard_window::close();
    }

    unsafe fn commit_page(&self, page: NonNull<u8>) -> bool {
        guard_window::commit(page)
    }

    unsafe fn decommit_page(&self, page: NonNull<u8>) {
        // SAFETY: upheld by the caller.
        unsafe { guard_window::decommit(page) };
    }

    unsafe fn unprotect_page(&self, page: NonNull<u8>) {
        guard_window::unprotect(page);
    }

    unsafe fn protect_page(&self, page: NonNull<u8>) {
        guard_window::protect(page);
    }
}

impl Hooks for KernelPlatform {
    fn is_lock_held_here(&self) -> bool {
        cpu::is_alone()
    }

    #[inline]
    fn is_allocator_code(&self, address: usize) -> bool {
        image::is_allocator_text(VAddr::from_usize(address))
    }

    fn should_fail(&self, size_bytes: usize, frame_pointer: usize) -> bool {
        failures::HEAP.should_fail(size_bytes, VAddr::from_usize(frame_pointer))
    }

    fn allocation_failed(&self, layout: Layout, frame_pointer: usize) {
        if let Some(reports) = REPORTS.get() {
            (reports.out_of_memory)(layout, VAddr::from_usize(frame_pointer));
        }
    }

    fn on_lock_refused(&self, refused: &LockRefused, frame_pointer: usize) {
        if let Some(reports) = REPORTS.get() {
            (reports.deadlock)(refused, VAddr::from_usize(frame_pointer));
        }
    }

    #[cold]
    #[inline(never)]
    fn on_corruption(&self, corruption: &Corruption, frame_pointer: usize) {
        if let Some(reports) = REPORTS.get() {
            (reports.corruption)(corruption, VAddr::from_usize(frame_pointer));
        }
    }
}
