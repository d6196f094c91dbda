//! Frees without guards: a double free reports the two innermost callers of the first free, and no others.

use super::*;

/// The last free of each address that no block was given since, and who did it.
pub(super) type Recent = BTreeMap<usize, (Block, usize)>;

/// Callers of a free that are kept.
const CALLERS: usize = 2;

impl Bench {
    pub(super) fn note_recent(&mut self, block: Block) {
        if block.is_sampled {
            self.recent.remove(&block.address);
        } else {
            self.recent.insert(block.address, (block, self.caller));
        }
    }

    /// An address that was freed, not long ago as a rule.
    pub(super) fn pick_recent(&mut self) -> usize {
        let skipped = self.random.below(self.recent.len());
        self.recent.keys().copied().nth(skipped).unwrap()
    }

    /// What was freed just now is known, if it was recorded, with its callers.
    pub(super) fn assert_first_free_is_known(&self, block: &Block, bad: &BadFree) {
        let is_known =
            self.guard_now() == GuardLevel::Off && self.level >= Level::Stacks && block.stack.is_some();
        if is_known && !block.is_sampled {
            assert_eq!(bad.kind, BadFreeKind::DoubleFree);
            assert!(bad.is_free_stack_cut);
        }
    }

    /// A stack that is cut is that of the last free of this block.
    pub(super) fn judge_first_free(&mut self, bad: &BadFree) {
        if !bad.is_free_stack_cut {
            return;
        }
        self.first_frees += 1;
        let (block, caller) = self.recent[&bad.address];
        self.assert_stack(bad.block.unwrap().stack(), block.stack);
        let free = self.heap.stacks().get(bad.free.unwrap().stack()).unwrap();
        let expected: Vec<usize> =
            (0..=caller).map(|frame| return_address(caller, frame)).take(CALLERS).collect();
        assert_eq!(free.frames(), expected);
    }
}
