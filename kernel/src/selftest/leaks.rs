//! The test of scans in the running kernel.

use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering};

use memstat::{Reach, ScanError};

use crate::memory::heap::{kfree, kmalloc, tracker};
use crate::memory::leaks::roots::scan;
use crate::selftest::{Finding, Verdict};

const SIZE_BYTES: usize = 64;
const WORD_BYTES: usize = size_of::<usize>();

/// What refers to the first block.
static REFERENCE: AtomicUsize = AtomicUsize::new(0);

/// Three blocks: one that a variable refers to, one that the first refers to by an address inside it, and one that is
/// lost. Their addresses are kept inverted, so that no scan takes them for references.
#[derive(Debug)]
struct Blocks {
    inverted: [usize; 3],
}

/// A lost block is found, and one that is referred to is not.
pub(crate) fn lost_blocks_are_found() -> Finding {
    let blocks = Blocks::new().ok_or("no memory for the test")?;
    let outcome = judge(&blocks);
    REFERENCE.store(0, Ordering::Relaxed);
    for inverted in blocks.inverted {
        // SAFETY: from kmalloc, and nobody uses it any more.
        unsafe { kfree(!inverted as *mut u8) };
    }
    outcome
}

impl Blocks {
    #[inline(never)]
    fn new() -> Option<Self> {
        let blocks = [(); 3].map(|()| kmalloc(SIZE_BYTES));
        if blocks.iter().any(|block| block.is_null()) {
            // SAFETY: from kmalloc or null, and nobody uses them.
            blocks.into_iter().for_each(|block| unsafe { kfree(block) });
            return None;
        }
        let [first, second, _] = blocks;
        for block in blocks {
            // SAFETY: a fresh block of that size.
            unsafe { block.write_bytes(0, SIZE_BYTES) };
        }
        let reference = (second as usize + WORD_BYTES).to_le_bytes();
        // SAFETY: as above.
        unsafe { first.copy_from_nonoverlapping(reference.as_ptr(), reference.len()) };
        // Somebody may read it, as far as the compiler knows: else there would be no store.
        black_box(&REFERENCE).store(first as usize, Ordering::Relaxed);
        Some(black_box(Self { inverted: blocks.map(|block| !(block as usize)) }))
    }

    /// What scans have found of them. A function of its own, so that no address is on the stack while a scan runs.
    #[inline(never)]
    fn reach(&self) -> [Option<Reach>; 3] {
        self.inverted.map(|inverted| tracker().blocks().get(!inverted).map(|record| record.reach()))
    }
}

fn judge(blocks: &Blocks) -> Finding {
    for wanted in [Reach::Suspect, Reach::Leak] {
        match scan(&mut || true) {
            Ok(_) => {}
            Err(ScanError::NoRecords) => return Ok(Verdict::Skipped("no block is recorded")),
            Err(ScanError::Busy | ScanError::Stopped) => return Err("a scan did not come to its end"),
        }
        let found = blocks.reach();
        // With a full arena a block goes without a record.
        if found.contains(&None) && tracker().counters().live_untracked > 0 {
            return Ok(Verdict::Skipped("no room in the arena for a record"));
        }
        if found != [Some(Reach::Plain), Some(Reach::Plain), Some(wanted)] {
            log::error!("scan: {found:?} instead of two blocks in use and a {wanted:?}");
            return Err("a lost block is not found, or one in use is");
        }
    }
    Ok(Verdict::Passed)
}
