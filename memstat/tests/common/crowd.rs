//! A platform for many threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use memstat::{GuardPages, Hooks, PAGE_SIZE_BYTES, Platform, STAMP_STEP, StackSpan};

/// Threads, each with a number and a call stack of its own; numbers that agree modulo `LANES` share a lane.
#[derive(Debug)]
pub(crate) struct Crowd<const LANES: usize>;

const SITES: usize = 16;

/// A stack of one frame for each number: no caller, and the return address.
static STACKS: [[usize; 2]; SITES] = {
    let mut stacks = [[0; 2]; SITES];
    let mut site = 0;
    while site < SITES {
        stacks[site] = [0, 0x1000 + site];
        site += 1;
    }
    stacks
};

static CLOCK: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

impl<const LANES: usize> Crowd<LANES> {
    pub(crate) fn start(number: usize) {
        NUMBER.set(number);
    }
}

fn page() -> Layout {
    Layout::from_size_align(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES).unwrap()
}

// SAFETY: pages come from the host's allocator; the tests have no interrupts.
unsafe impl<const LANES: usize> Platform for Crowd<LANES> {
    const LANES: usize = LANES;

    fn relax(&self, turns: u32) {
        if turns < 20 {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }

    fn stamp(&self) -> u64 {
        CLOCK.fetch_add(STAMP_STEP, Ordering::Relaxed)
    }

    fn cpu(&self) -> u8 {
        NUMBER.get() as u8
    }

    fn frame_pointer(&self) -> usize {
        STACKS[NUMBER.get() % SITES].as_ptr() as usize
    }

    fn callers(&self) -> [usize; 2] {
        [0x1000 + NUMBER.get(), 0]
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        Some(StackSpan { frame_pointer, start: frame_pointer, size_bytes: size_of_val(&STACKS[0]) })
    }

    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        // SAFETY: the layout's size is not zero.
        NonNull::new(unsafe { System.alloc(page()) })
    }

    unsafe fn give_page(&self, page_start: NonNull<u8>) {
        // SAFETY: from `take_page`, with this layout.
        unsafe { System.dealloc(page_start.as_ptr(), page()) };
    }
}

// SAFETY: there is no window.
unsafe impl<const LANES: usize> GuardPages for Crowd<LANES> {}

impl<const LANES: usize> Hooks for Crowd<LANES> {}

/// Random numbers, repeatable.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

/// When a test is to end.
#[derive(Debug)]
pub(crate) struct End(Instant);

impl End {
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.0
    }
}

/// The end after the seconds that an environment variable says, or that many.
pub(crate) fn duration(variable: &str, usual_s: u64) -> End {
    let seconds = std::env::var(variable).ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(usual_s);
    End(Instant::now() + Duration::from_secs(seconds))
}
