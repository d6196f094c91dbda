//! Marks against a model: growth between any two snapshots is reported by call stack, whatever was freed, resized,
//! moved, or recorded less meanwhile.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use common::{HostBackend, HostPlatform};
use memstat::report::{Growth, GrowthByStack};
use memstat::{Change, Level, Record, Snapshot, StackChange, StackUsage, TopChanges, Tracked};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence::{self, WithSource};

type Heap = Tracked<HostBackend, HostPlatform>;

/// Call sites, from 1 on.
const SITES: usize = common::MAX_SITES;

/// What the model knows of a live block.
#[derive(Clone, Copy, Debug)]
struct Block {
    layout: Layout,
    /// The site that is charged; 0 for none.
    site: usize,
    is_recorded: bool,
    /// Blocks that were allocated before it.
    birth: usize,
}

/// What the model and the tracker report at one time.
struct Marked {
    births: usize,
    model: [StackUsage; SITES + 1],
    unrecorded: u64,
    level: Level,
    /// Whether the level was below `stacks` at any time before the mark, counted in switches.
    switches: usize,
    snapshot: Snapshot,
    usage: Vec<StackUsage>,
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { site: usize, size_bytes: usize },
    Free { pick: usize },
    Resize { pick: usize, site: usize, size_bytes: usize },
    SetLevel { level: Level },
    Mark,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1..=SITES, 1_usize..300).prop_map(|(site, size_bytes)| Step::Allocate { site, size_bytes }),
        8 => any::<usize>().prop_map(|pick| Step::Free { pick }),
        4 => (any::<usize>(), 1..=SITES, 1_usize..300)
            .prop_map(|(pick, site, size_bytes)| Step::Resize { pick, site, size_bytes }),
        1 => prop::sample::select(Level::ALL.to_vec()).prop_map(|level| Step::SetLevel { level }),
        3 => Just(Step::Mark),
    ]
}

struct World {
    heap: Heap,
    blocks: BTreeMap<usize, Block>,
    births: usize,
    level: Level,
    switches: usize,
    marks: Vec<Marked>,
}

impl World {
    fn new() -> Self {
        let heap = Heap::new(HostPlatform::default());
        heap.start(HostBackend::default());
        heap.set_level(Level::Stacks);
        let blocks = BTreeMap::new();
        Self { heap, blocks, births: 0, level: Level::Stacks, switches: 0, marks: Vec::new() }
    }

    fn pick(&self, number: usize) -> Option<(NonNull<u8>, Block)> {
        let (&address, &block) = self.blocks.iter().nth(number.checked_rem(self.blocks.len())?)?;
        Some((NonNull::new(address as *mut u8)?, block))
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Allocate { site, size_bytes } => drop(self.allocate(site, size_bytes)),
            Step::Free { pick } => {
                if let Some((block, _)) = self.pick(pick) {
                    self.free(block);
                }
            }
            Step::Resize { pick, site, size_bytes } => {
                let Some((block, known)) = self.pick(pick) else { return };
                self.heap.platform().site.store(site, Ordering::Relaxed);
                // SAFETY: the block is live and nobody uses it.
                let moved = unsafe { self.heap.reallocate_with_layout(block, known.layout, size_bytes) };
                let moved = moved.unwrap().unwrap();
                self.blocks.remove(&(block.as_ptr() as usize));
                let layout = Layout::from_size_align(size_bytes, 8).unwrap();
                if moved != block {
                    return self.enter(moved, layout, site);
                }
                let is_charged_anew = known.is_recorded && self.level >= Level::Stacks;
                let site = if is_charged_anew { site } else { known.site };
                self.blocks.insert(moved.as_ptr() as usize, Block { layout, site, ..known });
            }
            Step::SetLevel { level } => {
                self.heap.set_level(level);
                self.switches += usize::from(level < Level::Stacks && self.level >= Level::Stacks);
                self.level = level;
            }
            Step::Mark => self.mark(),
        }
    }

    fn allocate(&mut self, site: usize, size_bytes: usize) -> NonNull<u8> {
        self.heap.platform().site.store(site, Ordering::Relaxed);
        let layout = Layout::from_size_align(size_bytes, 8).unwrap();
        let block = self.heap.allocate(layout).unwrap();
        self.enter(block, layout, site);
        block
    }

    fn free(&mut self, block: NonNull<u8>) {
        let known = self.blocks.remove(&(block.as_ptr() as usize)).unwrap();
        // SAFETY: the block is live and nobody uses it.
        unsafe { self.heap.free_with_layout(block, known.layout) }.unwrap();
    }

    fn enter(&mut self, block: NonNull<u8>, layout: Layout, site: usize) {
        self.births += 1;
        let is_recorded = self.level >= Level::Blocks;
        let site = if self.level >= Level::Stacks { site } else { 0 };
        let block_now = Block { layout, site, is_recorded, birth: self.births };
        assert!(self.blocks.insert(block.as_ptr() as usize, block_now).is_none());
    }

    /// What the model holds by site, and how many blocks are not recorded.
    fn usage(&self, is_wanted: impl Fn(&Block) -> bool) -> ([StackUsage; SITES + 1], u64) {
        let (mut usage, mut unrecorded) = ([StackUsage::default(); SITES + 1], 0);
        for block in self.blocks.values().filter(|block| is_wanted(block)) {
            if block.is_recorded {
                usage[block.site].blocks += 1;
                usage[block.site].bytes += block.layout.size() as u64;
            } else {
                unrecorded += 1;
            }
        }
        (usage, unrecorded)
    }

    fn mark(&mut self) {
        let (model, unrecorded) = self.usage(|_| true);
        let count = usize::from(self.heap.stacks().count());
        assert!(
            self.heap.leaks().snapshot_by_stack(&mut vec![StackUsage::default(); count]).is_none(),
            "room for one too few"
        );
        let mut usage = vec![StackUsage { bytes: 9, blocks: 9 }; count + 1];
        let snapshot = self.heap.leaks().snapshot_by_stack(&mut usage).unwrap();
        let (births, level, switches) = (self.births, self.level, self.switches);
        self.marks.push(Marked { births, model, unrecorded, level, switches, snapshot, usage });
    }

    /// The site of each stack number.
    fn site(&self, number: u16) -> usize {
        match number {
            0 => 0,
            _ => self.heap.stacks().get(number).unwrap().frames()[0] - common::FIRST_SITE_ADDRESS,
        }
    }

    fn judge(&self, earlier: &Marked, later: &Marked) {
        let of =
            |usage: &[StackUsage], number: u16| usage.get(usize::from(number)).copied().unwrap_or_default();
        let mut top = TopChanges::<{ SITES }>::new(false);
        for number in 0..=later.snapshot.stack_count {
            let site = self.site(number);
            let change = Change::between(of(&earlier.usage, number), of(&later.usage, number));
            assert_eq!(change, Change::between(earlier.model[site], later.model[site]), "site {site}");
            if number > 0 {
                top.add(StackChange { number, change, new: Growth::default() });
            }
        }
        let grown: Vec<_> = top.iter().map(|row| (row.change.bytes, row.change.blocks)).collect();
        let mut expected: Vec<_> = (1..=SITES)
            .map(|site| Change::between(earlier.model[site], later.model[site]))
            .filter(|change| change.is_growth())
            .map(|change| (change.bytes, change.blocks))
            .collect();
        expected.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!(grown, expected);
        let unrecorded = later.snapshot.unrecorded_blocks as i64 - earlier.snapshot.unrecorded_blocks as i64;
        assert_eq!(unrecorded, later.unrecorded as i64 - earlier.unrecorded as i64);
        let is_on = |marked: &Marked| marked.level >= Level::Stacks;
        assert_eq!(
            later.snapshot.has_all_stacks_since(&earlier.snapshot),
            is_on(earlier) && is_on(later) && earlier.switches == later.switches
        );
    }

    /// What came since a mark and is live now, old blocks of the same site left aside.
    fn judge_new(&self, mark: &Marked) {
        let mut table = vec![Growth::default(); usize::from(self.heap.stacks().count()) + 1];
        let mut growth = GrowthByStack::new(mark.snapshot.sequence, self.heap.leaks().sequence(), &mut table);
        let mut records = [Record::EMPTY; 5];
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (count, next) = self.heap.blocks().read(from, &mut records);
            records[..count].iter().for_each(|record| growth.add(record));
            cursor = next;
        }
        let (expected, _) = self.usage(|block| block.birth > mark.births);
        for number in 0..=self.heap.stacks().count() {
            let StackUsage { bytes, blocks } = expected[self.site(number)];
            assert_eq!(growth.of(number), Growth { blocks, bytes });
        }
    }
}

/// Failing cases are kept beside this file.
const BESIDE: FileFailurePersistence = WithSource("proptest-regressions");

proptest! {
    #![proptest_config(ProptestConfig::with_failure_persistence(BESIDE))]

    #[test]
    fn growth_between_any_two_marks_is_the_models(steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::new();
        world.mark();
        for step in &steps {
            world.apply(step);
        }
        world.mark();
        for (number, later) in world.marks.iter().enumerate() {
            world.marks[..number].iter().for_each(|earlier| world.judge(earlier, later));
            world.judge_new(later);
        }
        while let Some((block, _)) = world.pick(0) {
            world.free(block);
        }
    }
}

/// A hundred blocks that nobody frees, among a hundred thousand that come and go under the same call stacks.
#[test]
fn all_of_a_hundred_leaks_are_found_among_a_hundred_thousand_blocks() {
    const BLOCKS: usize = 100_000;
    const LEAKS: usize = 100;
    let mut world = World::new();
    let old: Vec<_> =
        (0..BLOCKS).map(|number| world.allocate(1 + number % SITES, 16 + number % 200)).collect();
    world.mark();
    let mut random = 1_u64;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let mut planted = [0; SITES + 1];
    for _ in 0..LEAKS {
        // Something comes and goes around each of them.
        let site = 1 + next(SITES);
        for _ in 0..20 {
            let block = world.allocate(1 + next(SITES), 1 + next(200));
            world.free(block);
        }
        world.allocate(site, 24);
        planted[site] += 1;
    }
    world.mark();
    let [before, after] = &world.marks[..] else { panic!("two marks were set") };
    let blocks_before = before.snapshot.recorded.blocks;
    for number in 1..=after.snapshot.stack_count {
        let change = Change::between(before.usage[usize::from(number)], after.usage[usize::from(number)]);
        assert_eq!(change.blocks, planted[world.site(number)]);
    }
    // As many old ones go as leaked: the sums are as before, and yet each leak is reported as new.
    old.iter().step_by(BLOCKS / LEAKS).for_each(|block| world.free(*block));
    assert_eq!(world.heap.leaks().snapshot().recorded.blocks, blocks_before);
    world.judge_new(&world.marks[0]);
    let (new, _) = world.usage(|block| block.birth > world.marks[0].births);
    assert_eq!(new.iter().map(|usage| usage.blocks).sum::<u64>(), LEAKS as u64);
}
