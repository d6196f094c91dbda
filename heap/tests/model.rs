//! The tracker over each backend against a plain model, through long random sequences: promise P1 at each step.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use memstat::MAX_FRAMES;
use memstat::{Backend, Counters, GuardLevel, Level, Record, Tracked};
use proptest::prelude::*;
use tally_heap::test_kit::random::Random;
use tally_heap::{Heap, Kind};

use crate::common::{CPUS, HostPages, STACKS, TestPlatform, return_address};

const PAGES: usize = 1500;
const MAX_LIVE: usize = 1500;

/// What is known of a live block.
#[derive(Clone, Copy, Debug)]
struct Known {
    layout: Layout,
    is_recorded: bool,
    has_stack: bool,
    /// The stack that asked for it.
    caller: usize,
}

/// A step of a test.
#[derive(Clone, Copy, Debug)]
enum Step {
    Allocate { size_bytes: usize, align_log2: u32 },
    Free { place: usize, with_layout: bool },
    Reallocate { place: usize, size_bytes: usize, with_layout: bool },
    FreeTwice { place: usize },
    FreeInside { place: usize },
    SetLevel(Level),
    SetGuard(GuardLevel),
    Exhaust { size_bytes: usize },
}

/// The tracker, and what it should know.
struct Bench {
    heap: Box<Tracked<Heap<HostPages>, TestPlatform>>,
    level: Level,
    caller: usize,
    blocks: Vec<usize>,
    live: BTreeMap<usize, Known>,
    recorded: u64,
    recorded_bytes: u64,
    expected: Counters,
}

impl Bench {
    fn new(kind: Kind, arena_limit_bytes: usize) -> Self {
        let mut source = HostPages::new(PAGES);
        let words = source.words();
        let heap = Box::new(Tracked::new(TestPlatform::new()));
        heap.set_arena_limit_bytes(arena_limit_bytes);
        heap.start(Heap::new(kind, source, words));
        Self {
            level: heap.level(),
            caller: 0,
            heap,
            blocks: Vec::new(),
            live: BTreeMap::new(),
            recorded: 0,
            recorded_bytes: 0,
            expected: Counters::ZERO,
        }
    }

    fn counts(&self) -> bool {
        self.level >= Level::Counters
    }

    /// A step, called from a stack and on a CPU.
    fn step(&mut self, step: Step, stack: usize, cpu: u8) {
        self.caller = stack % STACKS;
        self.heap.platform().call_from(self.caller, cpu);
        match step {
            Step::Allocate { size_bytes, align_log2 } => {
                if self.blocks.len() < MAX_LIVE {
                    let layout = Layout::from_size_align(size_bytes, 1 << align_log2).unwrap();
                    let block = self.heap.allocate(layout);
                    self.note_allocation(block, layout);
                }
            }
            Step::Free { place, with_layout } if !self.blocks.is_empty() => {
                let place = place % self.blocks.len();
                self.free_at(place, with_layout);
            }
            Step::Reallocate { place, size_bytes, with_layout } if !self.blocks.is_empty() => {
                let place = place % self.blocks.len();
                self.reallocate_at(place, size_bytes, with_layout);
            }
            Step::FreeTwice { place } if !self.blocks.is_empty() => {
                let place = place % self.blocks.len();
                let address = self.free_at(place, false);
                self.free_badly(address);
            }
            Step::FreeInside { place } if !self.blocks.is_empty() => {
                let address = self.blocks[place % self.blocks.len()];
                self.free_badly(address + 1 + place % 15);
            }
            Step::SetLevel(level) => {
                self.heap.set_level(level);
                self.level = level;
            }
            Step::SetGuard(level) => self.heap.guards().set_level(level),
            Step::Exhaust { size_bytes } => self.exhaust(size_bytes),
            _ => {}
        }
        self.check_counters();
    }

    fn note_allocation(&mut self, block: Option<NonNull<u8>>, layout: Layout) -> bool {
        let Some(block) = block else {
            self.expected.failures += 1;
            return false;
        };
        let address = block.as_ptr() as usize;
        assert!(address.is_multiple_of(layout.align()));
        let is_recorded = self.heap.blocks().get(address).is_some();
        if self.counts() {
            self.expected.allocations += 1;
            self.expected.requested_bytes += layout.size() as u64;
        }
        if self.level >= Level::Blocks {
            self.expected.untracked += u64::from(!is_recorded);
        } else {
            assert!(!is_recorded, "nothing is recorded at {}", self.level);
        }
        let has_stack = self.heap.blocks().get(address).is_some_and(|record| record.stack() != 0);
        self.recorded += u64::from(is_recorded);
        self.recorded_bytes += if is_recorded { layout.size() as u64 } else { 0 };
        self.blocks.push(address);
        assert!(
            self.live
                .insert(address, Known { layout, is_recorded, has_stack, caller: self.caller })
                .is_none()
        );
        true
    }

    fn forget(&mut self, place: usize) -> (usize, Known) {
        let address = self.blocks.swap_remove(place);
        let known = self.live.remove(&address).unwrap();
        self.recorded -= u64::from(known.is_recorded);
        self.recorded_bytes -= if known.is_recorded { known.layout.size() as u64 } else { 0 };
        (address, known)
    }

    fn free_at(&mut self, place: usize, with_layout: bool) -> usize {
        let (address, known) = self.forget(place);
        let block = NonNull::new(address as *mut u8).unwrap();
        // SAFETY: live, and nobody uses it.
        unsafe {
            if with_layout {
                self.heap.free_with_layout(block, known.layout).unwrap();
            } else {
                self.heap.free(block).unwrap();
            }
        }
        self.expected.frees += u64::from(self.counts());
        address
    }

    fn free_badly(&mut self, address: usize) {
        // SAFETY: no live block starts there.
        unsafe { self.heap.free(NonNull::new(address as *mut u8).unwrap()) }.unwrap_err();
        self.expected.bad_frees += 1;
    }

    fn reallocate_at(&mut self, place: usize, size_bytes: usize, with_layout: bool) {
        let address = self.blocks[place];
        let known = self.live[&address];
        // A block that is not recorded and of which only the pointer is known has the backend's alignment.
        let align_bytes = known.layout.align();
        let with_layout = with_layout || (align_bytes != 16 && !known.is_recorded);
        let block = NonNull::new(address as *mut u8).unwrap();
        // SAFETY: live; a block that moved is not used any more.
        let moved = unsafe {
            if with_layout {
                self.heap.reallocate_with_layout(block, known.layout, size_bytes).unwrap()
            } else {
                self.heap.reallocate(block, size_bytes).unwrap()
            }
        };
        let layout = Layout::from_size_align(size_bytes, align_bytes).unwrap();
        match moved {
            None => self.expected.failures += 1,
            Some(moved) if moved == block => {
                if known.is_recorded {
                    self.recorded_bytes =
                        self.recorded_bytes + size_bytes as u64 - known.layout.size() as u64;
                }
                let has_stack = self.heap.blocks().get(address).is_some_and(|record| record.stack() != 0);
                let caller = if self.level >= Level::Stacks { self.caller } else { known.caller };
                self.live.insert(address, Known { layout, has_stack, caller, ..known });
                self.expected.reallocations += u64::from(self.counts());
            }
            Some(moved) => {
                self.forget(place);
                self.expected.frees += u64::from(self.counts());
                self.note_allocation(Some(moved), layout);
                self.expected.reallocations += u64::from(self.counts());
            }
        }
    }

    /// Takes all memory in blocks of one size, and gives it back.
    fn exhaust(&mut self, size_bytes: usize) {
        let layout = Layout::from_size_align(size_bytes, 8).unwrap();
        let first = self.blocks.len();
        loop {
            let block = self.heap.allocate(layout);
            if !self.note_allocation(block, layout) {
                break;
            }
        }
        self.check_counters();
        while self.blocks.len() > first {
            self.free_at(self.blocks.len() - 1, false);
        }
    }

    fn check_counters(&self) {
        let now = self.heap.counters();
        let uncounted = now.allocations as i64 - now.frees as i64 + now.uncounted_blocks;
        assert_eq!(now.live_blocks as i64, uncounted);
        assert_eq!(now.live_blocks, self.live.len() as u64);
        assert_eq!(self.heap.blocks().count() as u64, self.recorded);
        assert_eq!(now.recorded_blocks(), self.recorded);
        assert_eq!(now.live_bytes, self.recorded_bytes);
        let backend = self.heap.with_backend(Backend::live).flatten().unwrap();
        let guards = self.heap.guards().statistics();
        let quarantined = (guards.quarantined_blocks, guards.quarantined_bytes);
        assert_eq!(
            (backend.blocks, backend.bytes),
            (now.live_blocks + quarantined.0, now.taken_bytes + quarantined.1)
        );
        assert!(self.heap.platform().reported.lock().unwrap().is_empty(), "no corruption is reported");
        let of_cpus = |figure: fn(memstat::CpuCounters) -> u64| -> u64 {
            (0..CPUS).map(|cpu| figure(self.heap.statistics().of_cpu(cpu))).sum()
        };
        let Counters {
            allocations,
            frees,
            reallocations,
            failures,
            bad_frees,
            untracked,
            requested_bytes,
            ..
        } = self.expected;
        for (name, expected, found, on_cpus) in [
            ("allocations", allocations, now.allocations, of_cpus(|cpu| cpu.allocations)),
            ("frees", frees, now.frees, of_cpus(|cpu| cpu.frees)),
            ("reallocations", reallocations, now.reallocations, of_cpus(|cpu| cpu.reallocations)),
            ("failures", failures, now.failures, of_cpus(|cpu| cpu.failures)),
            ("bad frees", bad_frees, now.bad_frees, of_cpus(|cpu| cpu.bad_frees)),
            ("untracked", untracked, now.untracked, of_cpus(|cpu| cpu.untracked)),
            ("requested bytes", requested_bytes, now.requested_bytes, of_cpus(|cpu| cpu.requested_bytes)),
        ] {
            assert_eq!((found, on_cpus), (expected, expected), "{name}");
        }
    }

    /// The sums over size classes, call stacks and records; each record for itself.
    fn check_records(&self) {
        let sizes: u64 = self.heap.statistics().histogram().classes().map(|(_, count)| count).sum();
        assert_eq!(sizes, self.expected.allocations);
        let mut of_stacks = BTreeMap::<u16, (u64, u64)>::new();
        let mut records = 0;
        let mut buffer = [Record::EMPTY; 100];
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (count, next) = self.heap.blocks().read(from, &mut buffer);
            for record in &buffer[..count] {
                let known = self.live.get(&record.address()).unwrap();
                assert!(known.is_recorded && known.layout == record.layout());
                if known.has_stack {
                    let stack = self.heap.stacks().get(record.stack()).unwrap();
                    let frames = (0..=known.caller).map(|frame| return_address(known.caller, frame));
                    assert!(stack.frames().iter().copied().eq(frames.take(MAX_FRAMES)));
                }
                let sums = of_stacks.entry(record.stack()).or_default();
                *sums = (sums.0 + 1, sums.1 + record.size_bytes() as u64);
            }
            records += count as u64;
            cursor = next;
        }
        assert_eq!(records, self.recorded);
        for number in 1..=self.heap.stacks().count() {
            let stack = self.heap.stacks().get(number).unwrap();
            let sums = of_stacks.remove(&number).unwrap_or_default();
            assert_eq!((u64::from(stack.live_blocks), stack.live_bytes), sums, "stack {number}");
        }
        // What is left came at a level without stacks.
        let without = self.live.values().filter(|known| known.is_recorded && !known.has_stack).count() as u64;
        assert_eq!(of_stacks.remove(&0).unwrap_or_default().0, without);
        assert!(of_stacks.is_empty());
    }

    fn free_all(&mut self) {
        while !self.blocks.is_empty() {
            self.free_at(self.blocks.len() / 2, true);
        }
        self.check_counters();
        self.check_records();
    }
}

fn random_step(random: &mut impl FnMut() -> usize) -> Step {
    let size_bytes = random() % (1 << (random() % 14));
    let place = random();
    let with_layout = random().is_multiple_of(2);
    match random() % 10_000 {
        0..4600 => {
            let align_log2 = if random().is_multiple_of(8) { random() % 12 } else { 4 };
            Step::Allocate { size_bytes, align_log2: align_log2 as u32 }
        }
        4600..8800 => Step::Free { place, with_layout },
        8800..9800 => Step::Reallocate { place, size_bytes, with_layout },
        9800..9850 => Step::FreeTwice { place },
        9850..9900 => Step::FreeInside { place },
        9900..9960 => Step::SetLevel(Level::ALL[random() % Level::ALL.len()]),
        9960..9999 => Step::SetGuard(GuardLevel::ALL[random() % GuardLevel::ALL.len()]),
        _ => Step::Exhaust { size_bytes: 1000 << (random() % 8) },
    }
}

/// Many steps of a repeatable random sequence.
fn run_long(kind: Kind, steps: usize, arena_limit_bytes: usize) {
    let mut bench = Bench::new(kind, arena_limit_bytes);
    let mut generator = Random::new(0x2545_f491_4f6c_dd1d);
    let mut random = || (generator.next_u64() >> 20) as usize;
    for number in 0..steps {
        let (stack, cpu) = (random(), random() as u8);
        bench.step(random_step(&mut random), stack, cpu);
        if number.is_multiple_of(1000) {
            bench.check_records();
        }
    }
    bench.free_all();
    assert!(bench.expected.failures > 0 && bench.expected.bad_frees > 0);
}

/// So many steps, or those that the environment's `MODEL_STEPS` asks for.
fn steps(usual: usize) -> usize {
    std::env::var("MODEL_STEPS").map_or(usual, |steps| steps.parse().unwrap())
}

macro_rules! for_each_backend {
    ($($name:ident: $kind:expr;)*) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn a_million_operations_agree_with_the_model() {
                    run_long($kind, steps(1_000_000), usize::MAX);
                }

                #[test]
                fn with_a_small_arena_too() {
                    run_long($kind, 100_000, 24 << 10);
                }
            }
        )*
    };
}

for_each_backend! {
    slab: Kind::Slab;
    buddy: Kind::Buddy;
    talc: Kind::Talc;
    tlsf: Kind::Tlsf;
    linked_list: Kind::LinkedList;
}

fn step() -> impl Strategy<Value = Step> {
    let place = any::<usize>();
    let size_bytes = prop_oneof![0..200_usize, 0..9000_usize];
    prop_oneof![
        6 => (size_bytes.clone(), 0..13_u32)
            .prop_map(|(size_bytes, align_log2)| Step::Allocate { size_bytes, align_log2 }),
        5 => (place, any::<bool>()).prop_map(|(place, with_layout)| Step::Free { place, with_layout }),
        2 => (place, size_bytes, any::<bool>()).prop_map(|(place, size_bytes, with_layout)| {
            Step::Reallocate { place, size_bytes, with_layout }
        }),
        1 => place.prop_map(|place| Step::FreeTwice { place }),
        1 => place.prop_map(|place| Step::FreeInside { place }),
        1 => (0..Level::ALL.len()).prop_map(|number| Step::SetLevel(Level::ALL[number])),
        1 => (0..GuardLevel::ALL.len()).prop_map(|number| Step::SetGuard(GuardLevel::ALL[number])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_short_sequence_agrees_with_the_model(
        steps in prop::collection::vec((step(), any::<u8>()), 1..200),
        kind in 0..Kind::ALL.len(),
    ) {
        let mut bench = Bench::new(Kind::ALL[kind], usize::MAX);
        for (step, caller) in steps {
            bench.step(step, caller.into(), caller);
            bench.check_records();
        }
        bench.free_all();
    }
}
