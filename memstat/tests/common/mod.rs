//! A platform and a backend for tests: pages and blocks from the host's allocator.

mod backend;
mod lanes;

pub(crate) use backend::HostBackend;

use std::alloc::{Layout, System};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use memstat::{FirstUse, GuardPages, Hooks, LockRefused, Platform};
use memstat::{PAGE_SIZE_BYTES, STAMP_STEP, StackSpan};

/// A platform that counts the pages that it has given to the tracker.
#[derive(Debug, Default)]
pub(crate) struct HostPlatform {
    pub(crate) pages: AtomicUsize,
    pub(crate) stamp: AtomicU64,
    pub(crate) cpu: AtomicU8,
    /// Whether nobody else uses the tracker, so that waiting for its lock is a deadlock.
    pub(crate) is_alone: AtomicBool,
    pub(crate) refused: Mutex<Vec<LockRefused>>,
    /// The call site of the next operations, from 1 to [`MAX_SITES`]; 0 for no call stack.
    pub(crate) site: AtomicUsize,
    used: lanes::Used,
}

/// Call sites that a test may allocate from.
pub(crate) const MAX_SITES: usize = 6;
/// The return address of call site 0, which does not exist; those of the others follow.
pub(crate) const FIRST_SITE_ADDRESS: usize = 0x1000;

/// A stack of one frame for each call site: no caller, and the return address.
static STACKS: [[usize; 2]; MAX_SITES] = {
    let mut stacks = [[0; 2]; MAX_SITES];
    let mut site = 0;
    while site < MAX_SITES {
        stacks[site] = [0, FIRST_SITE_ADDRESS + site + 1];
        site += 1;
    }
    stacks
};

fn page_layout() -> Layout {
    Layout::from_size_align(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES).unwrap()
}

// SAFETY: pages come from the host's allocator; the tests have no interrupts.
unsafe impl Platform for HostPlatform {
    const LANES: usize = lanes::lanes_of(module_path!());

    fn stamp(&self) -> u64 {
        self.stamp.fetch_add(STAMP_STEP, Ordering::Relaxed)
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        stamp
    }

    fn cpu(&self) -> u8 {
        self.used.cpu(module_path!(), self.cpu.load(Ordering::Relaxed))
    }

    fn task(&self) -> u16 {
        0
    }

    fn frame_pointer(&self) -> usize {
        let site = self.site.load(Ordering::Relaxed).checked_sub(1);
        site.and_then(|site| STACKS.get(site)).map_or(0, |stack| stack.as_ptr() as usize)
    }

    fn callers(&self) -> [usize; 2] {
        [self.site.load(Ordering::Relaxed).checked_sub(1).map_or(0, |site| FIRST_SITE_ADDRESS + site + 1), 0]
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        let size_bytes = size_of_val(&STACKS[0]);
        (frame_pointer != 0).then_some(StackSpan { frame_pointer, start: frame_pointer, size_bytes })
    }

    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the layout's size is not zero.
        NonNull::new(unsafe { std::alloc::GlobalAlloc::alloc(&System, page_layout()) })
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        self.pages.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: from `take_page`, with this layout.
        unsafe { std::alloc::GlobalAlloc::dealloc(&System, page.as_ptr(), page_layout()) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for HostPlatform {}

impl Hooks for HostPlatform {
    fn is_lock_held_here(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }

    fn on_lock_refused(&self, refused: &LockRefused, _frame_pointer: usize) {
        self.refused.lock().unwrap().push(*refused);
    }

    fn on_first_use(&self, _tracker: &dyn FirstUse) {
        self.used.set();
    }
}
