//! Sampled blocks in the model: which allocations are sampled, and how each access near them is reported.

use memstat::PAGE_SIZE_BYTES;
use memstat::{Access, Unexplained};

use super::*;

/// The last block of each slot, by the slot's page.
pub(super) type Lives = BTreeMap<usize, Life>;

/// The last block of a slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Life {
    Live(Block),
    Freed(Freed),
}

impl Life {
    fn block(&self) -> &Block {
        match self {
            Self::Live(block) | Self::Freed(Freed { block, .. }) => block,
        }
    }
}

pub(super) fn page_of(address: usize) -> usize {
    address & !(PAGE_SIZE_BYTES - 1)
}

/// Bytes of a sampled block's page before it and after it.
pub(super) fn rest_of_page(block: &Block) -> [usize; 2] {
    let before = block.address - page_of(block.address);
    [before, PAGE_SIZE_BYTES - before - block.layout.size()]
}

impl Bench {
    fn is_sampling(&self) -> bool {
        self.interval > 0 && self.level >= Level::Blocks
    }

    /// Counts an allocation, and says whether it is to be sampled.
    pub(super) fn expect_sample(&mut self, layout: Layout) -> bool {
        if !self.is_sampling() {
            return false;
        }
        self.countdown -= 1;
        if self.countdown > 0 {
            return false;
        }
        self.countdown = self.interval;
        let slots = self.heap.guards().statistics().sample_slots as usize;
        let live = self.live.iter().filter(|block| block.is_sampled).count();
        let window = self.heap.platform().window.lock().unwrap();
        // A slot that was used has memory, unless it was given back; which comes next is not modelled.
        let has_memory = !window.is_memory_short || window.pages_with_memory() == slots;
        live < slots && has_memory && layout.size() <= PAGE_SIZE_BYTES && layout.align() <= PAGE_SIZE_BYTES
    }

    pub(super) fn set_sampling(&mut self) {
        self.interval = [0, 1, 2, 7, 100][self.random.below(5)];
        self.countdown = self.interval;
        let slots = 1 + self.random.below(60);
        self.heap.guards().set_sample_slots(slots);
        assert!(self.heap.guards().set_sampling_interval(self.interval));
        assert_eq!(self.heap.guards().sampling_interval(), self.interval);
        let is_short = self.random.below(4) == 0;
        self.heap.platform().window.lock().unwrap().is_memory_short = is_short;
        self.judge_pool();
    }

    /// Once sampling is off, only live blocks have memory, and the pool is closed with the last one.
    pub(super) fn judge_pool(&mut self) {
        let live = self.live.iter().filter(|block| block.is_sampled).count();
        let statistics = self.heap.guards().statistics();
        assert_eq!(statistics.sampled_blocks, live as u64);
        assert_eq!([statistics.out_of_bounds_accesses, statistics.accesses_after_free], self.caught);
        if self.interval == 0 {
            let with_memory = self.heap.platform().window.lock().unwrap().pages_with_memory();
            assert_eq!(with_memory, live);
            if live == 0 {
                assert_eq!(statistics.sample_slots, 0);
                self.lives.clear();
            }
        }
    }

    /// A read or write anywhere in the window; most of them near a block.
    pub(super) fn access(&mut self) {
        let range = self.heap.platform().window.lock().unwrap().range();
        if range.is_empty() {
            return;
        }
        let near = self.lives.values().nth(self.random.below(self.lives.len().max(1)));
        let near = near.map_or(range.start, |life| life.block().address);
        let address = match self.random.below(4) {
            0 => range.start + self.random.below(range.len()),
            _ => (near + self.random.below(3 * PAGE_SIZE_BYTES)).saturating_sub(PAGE_SIZE_BYTES),
        };
        if !range.contains(&address) || self.heap.platform().window.lock().unwrap().is_access_allowed(address)
        {
            return;
        }
        let access = [Access::Read, Access::Write][self.random.below(2)];
        let found = self.heap.guards().explain_access(address, access);
        let Some(life) = self.expected_life(address) else {
            assert_eq!(found, Err(Unexplained::Foreign));
            return;
        };
        let (found, block) = (found.unwrap(), life.block());
        assert_eq!((found.access, found.address), (access, address));
        assert_eq!((found.block.address(), found.block.layout()), (block.address, block.layout), "{found}");
        self.assert_stack(found.block.stack(), block.stack);
        let text = found.to_string();
        let what = match life {
            Life::Freed(freed) => {
                self.assert_free_stack(found.free.unwrap().stack(), freed.stack);
                "use after free: a "
            }
            Life::Live(block) if address < block.address => "underrun: a ",
            Life::Live(_) => "overrun: a ",
        };
        assert!(text.starts_with(what), "{text}");
        assert_eq!(found.free.is_some(), matches!(life, Life::Freed(_)));
        self.caught[usize::from(found.free.is_some())] += 1;
        // The instruction can be repeated, and accesses memory that nobody uses.
        assert!(self.heap.platform().window.lock().unwrap().is_access_allowed(address));
        if access == Access::Write {
            // SAFETY: the page can be touched, and no live block is in it.
            unsafe { (address as *mut u8).write(0x77) };
        }
    }

    /// The block in the page of an address; or the nearest one in the pages around it, a live one first.
    fn expected_life(&self, address: usize) -> Option<Life> {
        let page = page_of(address);
        if let Some(life) = self.lives.get(&page) {
            return Some(*life);
        }
        let around = [page - PAGE_SIZE_BYTES, page + PAGE_SIZE_BYTES];
        let lives = around.iter().filter_map(|page| self.lives.get(page));
        let key = |life: &&Life| {
            let block = life.block();
            let end = block.address + block.layout.size();
            let distance = if address < end { block.address - address } else { address - end };
            (matches!(life, Life::Freed(_)), distance)
        };
        lives.min_by_key(key).copied()
    }
}

#[test]
fn reclaiming_takes_the_memory_of_slots_without_a_block() {
    let bench = Bench::new(Kind::Slab);
    bench.heap.guards().set_level(GuardLevel::Off);
    assert!(bench.heap.guards().set_sampling_interval(1));
    let layout = Layout::new::<u64>();
    let blocks: Vec<_> = (0..10).filter_map(|_| bench.heap.allocate(layout)).collect();
    let with_memory = || bench.heap.platform().window.lock().unwrap().pages_with_memory();
    for block in blocks.iter().skip(3) {
        // SAFETY: from `allocate`, each once.
        unsafe { bench.heap.free(*block) }.unwrap();
    }
    assert_eq!(with_memory(), 10);
    bench.heap.reclaim();
    assert_eq!(with_memory(), 3);
    // What is known of a freed block stays.
    let late = bench.heap.guards().explain_access(blocks[5].as_ptr() as usize, Access::Read).unwrap();
    assert!(late.free.is_some() && bench.heap.allocate(layout).is_some());
}
