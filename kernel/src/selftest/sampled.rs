//! The test of guard pages in the running kernel: an access past a sampled block is caught, and the kernel continues.

use core::alloc::Layout;
use core::ptr::null_mut;

use memstat::{Consistency, Level};
use tally_heap::PAGE_BYTES;

use crate::arch::{VAddr, paging};
use crate::memory::heap::{kfree, tracker};
use crate::selftest::{Finding, Outcome, Verdict};

const SIZE_BYTES: usize = 40;
const NO_SLOT: &str = "no slot in the pool of guard pages, or no room in the arena for a record";

/// Reads and writes past a block, and after its free, are caught one by one.
pub(crate) fn accesses_are_caught() -> Finding {
    let (level, interval) = (tracker().level(), tracker().guards().sampling_interval());
    tracker().set_level(level.max(Level::Blocks));
    let outcome = if tracker().guards().set_sampling_interval(1) {
        both(go_past(), close_after_all)
    } else {
        Ok(Verdict::Skipped("no pages for the pool of guard pages"))
    };
    tracker().guards().set_sampling_interval(interval);
    tracker().set_level(level);
    outcome
}

/// The second step as well; what was not tested in either is not tested.
fn both(first: Finding, second: impl FnOnce() -> Finding) -> Finding {
    let (first, second) = (first?, second()?);
    Ok(if first == Verdict::Passed { second } else { first })
}

fn go_past() -> Finding {
    // The first one lies at a page's end, the second at its start.
    let blocks = [allocate(), allocate()];
    let outcome = if blocks.iter().all(|block| tracker().guards().is_in_window(*block as usize)) {
        go_past_both(blocks).map(|()| Verdict::Passed)
    } else {
        Ok(Verdict::Skipped(NO_SLOT))
    };
    for block in blocks {
        if tracker().blocks().get(block as usize).is_some() {
            // SAFETY: live, and nobody uses it.
            unsafe { kfree(block) };
        }
    }
    outcome
}

/// A guard page that was mapped while the tracker was locked is unmapped when the pool is closed.
fn close_after_all() -> Finding {
    let block = allocate();
    if !tracker().guards().is_in_window(block as usize) {
        // SAFETY: nobody uses it; null is ignored.
        unsafe { kfree(block) };
        return Ok(Verdict::Skipped(NO_SLOT));
    }
    let guard = (block as usize & !(PAGE_BYTES - 1)) + PAGE_BYTES;
    // SAFETY: it is caught, and goes to a page that is nobody's.
    tracker().with_backend(|_| unsafe { (guard as *const u8).read_volatile() });
    let page = VAddr::from_usize(guard);
    let is_mapped = || paging::is_mapped(page..page + 1_usize);
    let was_open = is_mapped();
    // SAFETY: nobody uses it.
    unsafe { kfree(block) };
    tracker().guards().set_sampling_interval(0);
    // It stays open for the blocks of others.
    let is_closed = tracker().guards().statistics().sample_slots == 0;
    match (was_open, is_closed && is_mapped()) {
        (false, _) => Err("an access under the tracker's lock did not open its page"),
        (_, true) => Err("a page of the pool is mapped behind its end"),
        _ => Ok(Verdict::Passed),
    }
}

fn allocate() -> *mut u8 {
    // SAFETY: the size is not zero.
    Layout::array::<u8>(SIZE_BYTES).map_or(null_mut(), |layout| unsafe { alloc::alloc::alloc(layout) })
}

fn go_past_both([at_end, at_start]: [*mut u8; 2]) -> Outcome {
    let caught = || {
        let now = tracker().guards().statistics();
        [now.out_of_bounds_accesses, now.accesses_after_free]
    };
    let before = caught();
    let since = || {
        let now = caught();
        [now[0] - before[0], now[1] - before[1]]
    };
    // SAFETY: the blocks are live and that long until they are freed. Everything else is caught, and goes to pages that
    // are nobody's.
    let seen = unsafe {
        at_end.write_bytes(0x11, SIZE_BYTES);
        at_start.write_bytes(0x22, SIZE_BYTES);
        let clean = since();
        let _ = at_end.add(SIZE_BYTES).read_volatile();
        // The guard page is open now.
        let _ = at_end.add(SIZE_BYTES + 1).read_volatile();
        let behind = since();
        kfree(at_end);
        let is_kept = at_end.read_volatile() == 0x11;
        let read = since();
        // The page between the two blocks is closed again since one of them went.
        at_start.wrapping_sub(1).write_volatile(0x33);
        let before = since();
        kfree(at_start);
        at_start.write_volatile(0x44);
        if !is_kept {
            return Err("a freed block did not keep what was in it");
        }
        [clean, behind, read, before, since()]
    };
    if seen != [[0, 0], [1, 0], [1, 1], [2, 1], [2, 2]] {
        return Err("an access was not caught, or a correct one was");
    }
    match tracker().check_consistency() {
        Consistency::Holds => Ok(()),
        _ => Err("the figures do not agree"),
    }
}
