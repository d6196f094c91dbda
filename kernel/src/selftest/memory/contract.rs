//! The contract of the heaps, checked for each kind in the running kernel.
//!
//! Each gets the same pages, taken once: so they all go back even if a test fails with blocks live.

use core::ptr::NonNull;

use arrayvec::ArrayVec;
use tally_heap::frames::Frames;
use tally_heap::test_kit::contract;
use tally_heap::{Kind, PAGE_BYTES, PageNumber, PageSource, PageSpan, PageWords};

use super::NO_MEMORY;
use crate::memory::page_accounting::{Purpose, give_pages, take_pages};
use crate::memory::pages::scratch::Scratch;
use crate::selftest::{Finding, Verdict};

/// Orders of the runs of pages that the heaps get: one run for all of [`contract::PAGES`], or two where memory is short.
const CHOICES: [&[u32]; 2] =
    [&[contract::PAGES.next_power_of_two().trailing_zeros()], &[contract::PAGES.ilog2(), REST.ilog2()]];
/// Pages that are missing in the larger of two runs, which has room for the largest block of the tests.
const REST: usize = contract::PAGES - (1 << contract::PAGES.ilog2());
const _: () = assert!(REST.is_power_of_two(), "two runs have fewer pages than the tests need");

/// A heap of its own for each kind keeps the contract, whichever one the kernel runs on.
pub(crate) fn heaps_keep_the_contract() -> Finding {
    let Some(runs) = CHOICES.iter().find_map(|orders| Runs::take(orders)) else {
        return Ok(Verdict::Skipped("no 2 MiB in one piece"));
    };
    Kind::ALL.iter().try_for_each(|kind| {
        check(*kind, &runs).inspect_err(|_| log::error!("heap={} does not keep the contract", kind.name()))
    })?;
    Ok(Verdict::Passed)
}

/// Checks a heap over these pages.
fn check(kind: Kind, runs: &Runs) -> Result<(), &'static str> {
    let span = runs.whole_span();
    let frames_bytes = Frames::metadata_bytes(&span);
    let mut metadata =
        Scratch::new((frames_bytes + PageWords::size_bytes(&span)) / size_of::<[u64; 8]>(), || [0_u64; 8])
            .ok_or(NO_MEMORY)?;
    let start = NonNull::from_mut(metadata.as_mut_slice()).cast::<u8>();
    let mut frames = Frames::empty();
    // SAFETY: the metadata is of zeros and stays until the heap is gone. The pages are those of the runs, and nobody else
    // uses them: the check before has dropped its heap, with all its blocks.
    let words = unsafe {
        frames.init(&span, start);
        runs.spans().for_each(|run| frames.add(&run));
        PageWords::new(&span, start.add(frames_bytes).cast())
    };
    contract::check(kind, OwnPages(frames), words)
}

/// Runs of pages, with their orders. They are given back when this is dropped.
struct Runs(ArrayVec<(NonNull<u8>, u32), 2>);

impl Runs {
    fn take(orders: &[u32]) -> Option<Self> {
        let mut runs = Self(ArrayVec::new());
        for order in orders {
            runs.0.push((take_pages(*order, Purpose::Buffers)?, *order));
        }
        Some(runs)
    }

    fn spans(&self) -> impl Iterator<Item = PageSpan> {
        self.0.iter().map(|(pages, order)| {
            let end = pages.as_ptr().wrapping_add(PAGE_BYTES << order);
            PageSpan::new(PageNumber::of(pages.as_ptr()), PageNumber::of(end))
        })
    }

    /// From the start of the lower run to the end of the upper one.
    fn whole_span(&self) -> PageSpan {
        let both = |a: PageSpan, b: PageSpan| PageSpan::new(a.first().min(b.first()), a.end().max(b.end()));
        self.spans().reduce(both).unwrap_or_default()
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        for (pages, order) in &self.0 {
            // SAFETY: from `take_pages`, and nobody uses them any more.
            unsafe { give_pages(*pages, *order) };
        }
    }
}

/// Pages for a heap, which may be dropped with blocks in it, where a test has failed.
struct OwnPages(Frames);

// SAFETY: the frames hand out each page once, aligned to the block's size.
unsafe impl PageSource for OwnPages {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        self.0.take(order)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: upheld by the caller.
        if unsafe { self.0.give(pages, order) }.is_err() {
            log::error!("a heap gave back pages that it does not have");
        }
    }
}
