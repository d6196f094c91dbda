//! A platform with call stacks made of numbers, and pages from the host.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use memstat::{Corruption, GuardPages, Hooks, PAGE_SIZE_BYTES, Platform, StackSpan};

use super::window::TestWindow;

/// CPUs that calls come from.
pub(crate) const CPUS: u8 = 3;
/// Call stacks that allocations come from, with 1 to this many frames: some are deeper than what is kept.
pub(crate) const STACKS: usize = 20;

/// A platform with call stacks made of numbers.
pub(crate) struct TestPlatform {
    words: Vec<usize>,
    frame_pointer: AtomicUsize,
    cpu: AtomicU8,
    /// What the guards have found.
    pub(crate) reported: Mutex<Vec<Corruption>>,
    /// Where sampled blocks lie.
    pub(crate) window: Mutex<TestWindow>,
}

/// The return address in a frame of a stack. The innermost ones are shared by two stacks each.
pub(crate) fn return_address(stack: usize, frame: usize) -> usize {
    let stack = if frame == 0 { stack / 2 } else { stack };
    0x1000 * (stack + 1) + frame
}

impl TestPlatform {
    pub(crate) fn new() -> Self {
        let mut words = vec![0_usize; STACKS * STACKS * 2];
        let start = words.as_ptr() as usize;
        for stack in 0..STACKS {
            for frame in 0..=stack {
                let at = (stack * STACKS + frame) * 2;
                words[at] = if frame == stack { 0 } else { start + (at + 2) * size_of::<usize>() };
                words[at + 1] = return_address(stack, frame);
            }
        }
        Self {
            words,
            frame_pointer: AtomicUsize::new(0),
            cpu: AtomicU8::new(0),
            reported: Mutex::default(),
            window: Mutex::default(),
        }
    }

    /// Sets the stack and the CPU that the next call comes from.
    pub(crate) fn call_from(&self, stack: usize, cpu: u8) {
        let pointer = (&raw const self.words[stack % STACKS * STACKS * 2]) as usize;
        self.frame_pointer.store(pointer, Ordering::Relaxed);
        self.cpu.store(cpu % CPUS, Ordering::Relaxed);
    }
}

fn page_layout() -> Layout {
    Layout::from_size_align(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES).unwrap()
}

// SAFETY: pages come from the host; the stacks are vectors that stay; there are no interrupts.
unsafe impl Platform for TestPlatform {
    fn stamp(&self) -> u64 {
        0
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        stamp
    }

    fn cpu(&self) -> u8 {
        self.cpu.load(Ordering::Relaxed)
    }

    fn task(&self) -> u16 {
        0
    }

    fn frame_pointer(&self) -> usize {
        self.frame_pointer.load(Ordering::Relaxed)
    }

    fn callers(&self) -> [usize; 2] {
        let place = self.frame_pointer().saturating_sub(self.words.as_ptr() as usize) / size_of::<usize>();
        match self.words.get(place..place + 4) {
            Some([0, first, ..]) => [*first, 0],
            Some([_, first, _, second]) => [*first, *second],
            _ => [0; 2],
        }
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        let start = self.words.as_ptr() as usize;
        Some(StackSpan { frame_pointer, start, size_bytes: size_of_val(self.words.as_slice()) })
    }

    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { System.alloc(page_layout()) })
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: from `take_page`.
        unsafe { System.dealloc(page.as_ptr(), page_layout()) };
    }
}

// SAFETY: the window is fresh address space, and each page of it gets memory that was taken for it alone.
unsafe impl GuardPages for TestPlatform {
    fn open_window(&self, pages: usize) -> Option<NonNull<u8>> {
        self.window.lock().unwrap().open(pages)
    }

    fn close_window(&self) {
        self.window.lock().unwrap().close();
    }

    unsafe fn commit_page(&self, page: NonNull<u8>) -> bool {
        self.window.lock().unwrap().commit(page)
    }

    unsafe fn decommit_page(&self, page: NonNull<u8>) {
        self.window.lock().unwrap().decommit(page);
    }

    unsafe fn unprotect_page(&self, page: NonNull<u8>) {
        self.window.lock().unwrap().unprotect(page);
    }

    unsafe fn protect_page(&self, page: NonNull<u8>) {
        self.window.lock().unwrap().protect(page);
    }
}

impl Hooks for TestPlatform {
    fn on_corruption(&self, corruption: &Corruption, _frame_pointer: usize) {
        self.reported.lock().unwrap().push(*corruption);
    }
}
