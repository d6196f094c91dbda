//! The contract of the heaps, checked for each kind in the running kernel.
//!
//! Each gets the same pages, taken once: so they all go back even if a test fails with blocks live.

use core::ptr::NonNull;

use tally_heap::frames::Frames;
use tally_heap::test_kit::contract;
use tally_heap::{Kind, PAGE_BYTES, PageNumber, PageSource, PageSpan, PageWords};

use super::NO_MEMORY;
use crate::arch::cpu;
use crate::memory::failures::PAGES;
use crate::memory::page_accounting::{Purpose, give_pages, take_pages};
use crate::memory::pages::scratch::Scratch;
use crate::selftest::{Finding, Verdict};

/// Order of the pages that the heaps get: enough for [`contract::PAGES`].
const ORDER: u32 = contract::PAGES.next_power_of_two().trailing_zeros();

/// A heap of its own for each kind keeps the contract, whichever one the kernel runs on.
pub(crate) fn heaps_keep_the_contract() -> Finding {
    let Some(pages) = take_pages(ORDER, Purpose::Buffers) else {
        return Ok(Verdict::Skipped("no 4 MiB in one piece"));
    };
    let outcome = Kind::ALL.iter().try_for_each(|kind| {
        // SAFETY: the pages are ours; `check` has dropped the heap before, with all its blocks.
        unsafe { check(*kind, pages) }
            .inspect_err(|_| log::error!("heap={} does not keep the contract", kind.name()))
    });
    // SAFETY: from `take_pages`, and nobody uses them any more.
    unsafe { give_pages(pages, ORDER, Purpose::Buffers) };
    outcome.map(|()| Verdict::Passed)
}

/// Checks a heap over 2^[`ORDER`] pages.
///
/// # Safety
///
/// The pages are the caller's, and nobody else uses them meanwhile.
unsafe fn check(kind: Kind, pages: NonNull<u8>) -> Result<(), &'static str> {
    let span = PageSpan::new(
        PageNumber::of(pages.as_ptr()),
        PageNumber::of(pages.as_ptr().wrapping_add(PAGE_BYTES << ORDER)),
    );
    let frames_bytes = Frames::metadata_bytes(&span);
    let mut metadata =
        Scratch::new((frames_bytes + PageWords::size_bytes(&span)) / size_of::<[u64; 8]>(), || [0_u64; 8])
            .ok_or(NO_MEMORY)?;
    let start = NonNull::from_mut(metadata.as_mut_slice()).cast::<u8>();
    let mut frames = Frames::empty();
    // SAFETY: the metadata is of zeros and stays until the heap is gone; the pages are the caller's.
    let words = unsafe {
        frames.init(&span, start);
        frames.add(&span);
        PageWords::new(&span, start.add(frames_bytes).cast())
    };
    contract::check(kind, OwnPages(frames), words)
}

/// Pages for a heap, which may be dropped with blocks in it, where a test has failed.
struct OwnPages(Frames);

// SAFETY: the frames hand out each page once, aligned to the block's size.
unsafe impl PageSource for OwnPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        // They fail on purpose as those of the kernel's own heap do.
        if PAGES.is_armed() && PAGES.should_fail(PAGE_BYTES << order, cpu::frame_pointer()) {
            return None;
        }
        self.0.take(order)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: handed on to the caller.
        if unsafe { self.0.give(pages, order) }.is_err() {
            log::error!("a heap gave back pages that it does not have");
        }
    }
}
