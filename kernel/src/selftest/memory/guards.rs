//! Bad frees do no harm, and guards find the writes that are planted here.

use memstat::{GuardLevel, Level};
use tally_heap::PAGE_BYTES;

use super::NO_MEMORY;
use crate::memory::heap::{kfree, kmalloc, krealloc, tracker};
use crate::selftest::{Finding, Outcome, Verdict};

/// Double, interior and foreign frees are counted and change nothing.
pub(crate) fn bad_frees_do_no_harm() -> Outcome {
    let block = kmalloc(100);
    let large = kmalloc(3 * PAGE_BYTES);
    if block.is_null() || large.is_null() {
        // SAFETY: from kmalloc; null is ignored.
        unsafe {
            kfree(block);
            kfree(large);
        }
        return Err(NO_MEMORY);
    }
    let before = tracker().counters();
    let mut local = 0_u64;
    // SAFETY: the tracker refuses all of them.
    unsafe {
        kfree(block.add(8));
        kfree(large.add(PAGE_BYTES + 5));
        kfree((&raw mut local).cast());
        kfree(usize::MAX as *mut u8);
        if !krealloc(block.add(16), 10).is_null() {
            return Err("krealloc took an interior pointer");
        }
    }
    let middle = tracker().counters();
    // SAFETY: live blocks that nobody uses; the second frees are refused.
    unsafe {
        kfree(block);
        kfree(block);
        kfree(large);
        kfree(large);
    }
    let after = tracker().counters();
    if middle.bad_frees != before.bad_frees + 5 || after.bad_frees != middle.bad_frees + 2 {
        return Err("bad frees were not counted");
    }
    if middle.live_bytes != before.live_bytes || after.frees != before.frees + 2 {
        return Err("a bad free changed the heap");
    }
    Ok(())
}

/// A byte behind a block, one before it and one in it after its free are found, and nothing else is.
pub(crate) fn guards_find_what_is_planted() -> Finding {
    let (level, guard) = (tracker().level(), tracker().guards().level());
    tracker().set_level(level.max(Level::Blocks));
    tracker().guards().set_level(GuardLevel::Full);
    // A sampled block has other guards.
    let interval = tracker().guards().sampling_interval();
    tracker().guards().set_sampling_interval(0);
    let outcome = plant_and_look();
    tracker().guards().set_sampling_interval(interval);
    tracker().guards().set_level(guard);
    tracker().set_level(level);
    outcome
}

fn plant_and_look() -> Finding {
    const SIZE_BYTES: usize = 61;
    let found = || {
        tracker().guards().check(|| true);
        let now = tracker().guards().statistics();
        [now.overruns, now.underruns, now.writes_after_free]
    };
    let before = found();
    let since = |[a, b, c]: [u64; 3]| [a - before[0], b - before[1], c - before[2]];
    let guarded_blocks = || tracker().guards().statistics().guarded_blocks;
    let guarded_before = guarded_blocks();
    let block = kmalloc(SIZE_BYTES);
    if block.is_null() {
        return Err(NO_MEMORY);
    }
    if guarded_blocks() == guarded_before {
        // SAFETY: from kmalloc, and nobody uses it.
        unsafe { kfree(block) };
        return Ok(Verdict::Skipped(
            "no room for guards: in the arena for a record, or in the heap around the block",
        ));
    }
    // SAFETY: a live block, then its guards, which are there at this level; then a block in quarantine, if it is there.
    let seen = unsafe {
        block.write_bytes(0x5a, SIZE_BYTES);
        let clean = since(found());
        block.add(SIZE_BYTES).write(0);
        let over = since(found());
        block.sub(1).write(0);
        let under = since(found());
        kfree(block);
        let is_quarantined = tracker().guards().quarantined(block as usize).is_some();
        if is_quarantined {
            block.add(SIZE_BYTES - 1).write(0);
        }
        [clean, over, under, since(found()), [1, 1, u64::from(is_quarantined)]]
    };
    match seen {
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], last, expected] if last == expected => match last {
            [.., 0] => Ok(Verdict::Skipped("the freed block was not put into quarantine")),
            _ => Ok(Verdict::Passed),
        },
        _ => Err("a guard missed a write, or reported one that was not made"),
    }
}
