//! Memory that runs out: reserves are reclaimed first, then allocations return null; after the frees all is back.

use core::ptr::{NonNull, null_mut};

use memstat::{GuardLevel, Level};
use tally_heap::frames::MAX_ORDER;
use tally_heap::{Heap, SizeClass};

use super::NO_MEMORY;
use crate::memory::heap::{kfree, kmalloc, tracker};
use crate::memory::page_accounting::{HeapPages, Purpose, free_pages, give_pages, pages_for, take_pages};
use crate::selftest::{Finding, Outcome, Verdict};

/// Slabs and the arena may keep some pages in reserve.
const KEPT_PAGES: usize = 32;

/// With no memory left kmalloc returns null; after the frees all memory is back.
pub(crate) fn exhaustion() -> Outcome {
    // The history may grow meanwhile, and blocks that are freed may be in quarantine.
    let usable_pages = || {
        tracker().guards().flush_quarantine();
        free_pages() + pages_for(Purpose::Arena) + pages_for(Purpose::GuardPages)
    };
    let (before, pages) = (tracker().counters(), usable_pages());
    drop(AllBlocks::take());
    let after = tracker().counters();
    if after.failures - before.failures < 5 {
        return Err("no failure was counted");
    }
    if after.live_bytes != before.live_bytes || after.live_blocks != before.live_blocks {
        return Err("the blocks did not come back");
    }
    if usable_pages() + KEPT_PAGES < pages { Err("the pages did not come back") } else { Ok(()) }
}

/// All memory, in blocks of the heap: each holds the one before, as nothing else to keep them in is left.
struct AllBlocks(*mut u8);

impl AllBlocks {
    fn take() -> Self {
        let mut chain = null_mut();
        // From large blocks to small, so that few are needed: each one that is written to takes memory of a virtual
        // machine's host.
        for size_bytes in [16 << 30, 1 << 30, 64 << 20, 4 << 20, 256 << 10, 16 << 10, 4096] {
            loop {
                let block = kmalloc(size_bytes);
                if block.is_null() {
                    break;
                }
                // SAFETY: a live block of at least a word.
                unsafe { block.cast::<*mut u8>().write_unaligned(chain) };
                chain = block;
            }
        }
        Self(chain)
    }
}

impl Drop for AllBlocks {
    fn drop(&mut self) {
        while !self.0.is_null() {
            let block = self.0;
            // SAFETY: live blocks, each written by `take`; nobody uses one after it is read.
            unsafe {
                self.0 = block.cast::<*mut u8>().read_unaligned();
                kfree(block);
            }
        }
    }
}

/// All memory, in pages for buffers: each run holds the one before, and its own order.
struct AllPages(Option<NonNull<u8>>);

impl AllPages {
    fn take() -> Self {
        let mut chain = None;
        for order in (0..=MAX_ORDER).rev() {
            while let Some(pages) = take_pages(order, Purpose::Buffers) {
                // SAFETY: fresh pages, aligned to their size.
                unsafe { pages.cast::<(Option<NonNull<u8>>, u32)>().write((chain, order)) };
                chain = Some(pages);
            }
        }
        Self(chain)
    }
}

impl Drop for AllPages {
    fn drop(&mut self) {
        while let Some(pages) = self.0 {
            // SAFETY: written by `take`; nobody uses them after they are read.
            unsafe {
                let (next, order) = pages.cast::<(Option<NonNull<u8>>, u32)>().read();
                give_pages(pages, order);
                self.0 = next;
            }
        }
    }
}

/// Before an allocation of a block or of pages fails, all reserves are freed: blocks in quarantine, empty slabs,
/// spare pages of the arena.
pub(crate) fn reclaim_comes_first() -> Finding {
    let (level, guard, sampling) =
        (tracker().level(), tracker().guards().level(), tracker().guards().sampling_interval());
    tracker().set_level(level.max(Level::Blocks));
    tracker().guards().set_level(GuardLevel::Full);
    // A sampled block is not put in quarantine.
    tracker().guards().set_sampling_interval(0);
    let outcome = goes_before(AllBlocks::take).and_then(|_| goes_before(AllPages::take));
    tracker().guards().set_sampling_interval(sampling);
    tracker().guards().set_level(guard);
    tracker().set_level(level);
    outcome
}

/// Keeps something in reserve, and checks whether it is gone when `take_all` has all memory.
fn goes_before<T>(take_all: impl FnOnce() -> T) -> Finding {
    // As many bytes as are asked for nowhere else: so the slab has this block alone.
    const SIZE_BYTES: usize = 1500;
    // Of another size class, guards included: so that slab stays empty.
    const HELD_BYTES: usize = 700;
    let has_empty_slab = || {
        let is_empty = |class: SizeClass| class.slabs > 0 && class.live_blocks == 0;
        let classes = |heap: &Heap<HeapPages>| (0..).map_while(|number| heap.class(number)).any(is_empty);
        tracker().with_backend(classes).unwrap_or(false)
    };
    tracker().guards().set_level(GuardLevel::Off);
    let kept = kmalloc(SIZE_BYTES);
    // SAFETY: from kmalloc, and nobody uses it; null is ignored.
    unsafe { kfree(kept) };
    tracker().guards().set_level(GuardLevel::Full);
    let held = kmalloc(HELD_BYTES);
    let is_recorded = tracker().blocks().get(held as usize).is_some();
    // SAFETY: as above.
    unsafe { kfree(held) };
    if kept.is_null() || held.is_null() {
        return Err(NO_MEMORY);
    }
    let has_slabs = tracker().with_backend(|heap| heap.class(0).is_some()).unwrap_or(false);
    if has_slabs && !has_empty_slab() {
        return Err("no empty slab is kept in hand");
    }
    if is_recorded && tracker().guards().quarantined(held as usize).is_none() {
        return Err("no freed block is held back");
    }
    let all = take_all();
    let (is_held, has_slab) = (tracker().guards().quarantined(held as usize).is_some(), has_empty_slab());
    drop(all);
    match (is_held, has_slab) {
        (true, _) => Err("memory ended with a block in quarantine"),
        (_, true) => Err("memory ended with an empty slab in hand"),
        _ if !has_slabs && !is_recorded => Ok(Verdict::Skipped(
            "nothing is kept: this heap has no slabs, and the arena no room for a record",
        )),
        _ => Ok(Verdict::Passed),
    }
}
