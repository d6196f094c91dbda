//! The guards over each backend against a model: each planted corruption is reported, once and with the right stacks, and
//! nothing else is.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use memstat::{
    Backend, BadFree, BadFreeKind, Consistency, Corruption, CorruptionKind, GuardLevel, Level, MAX_FRAMES,
    MAX_FREE_FRAMES, Tracked,
};
use tally_heap::PAGE_BYTES;
use tally_heap::test_kit::random::Random;
use tally_heap::{Heap, Kind};

use self::recent::Recent;
use self::sampled::{Life, Lives, page_of, rest_of_page};
use crate::common::{HostPages, STACKS, TestPlatform, return_address};

mod recent;
mod sampled;

/// More than the blocks that are live or in quarantine can take, so that none is allocated without its guards.
const PAGES: usize = 16 << 10;
const MAX_LIVE: usize = 500;
/// Steps of each backend; the environment's `GUARD_STEPS` takes their place.
const STEPS: usize = 200_000;
const STEPS_PER_CHECK: usize = 1000;
/// The values of the bytes of a red zone, of a freed block and of a fresh one.
const ZONE: u8 = 0xcc;
const FREED: u8 = 0x6b;
const FRESH: u8 = 0x5a;
const ZONE_BYTES: usize = 16;
const MAX_FRONT_ALIGN: usize = 4096;

/// A live block.
#[derive(Clone, Copy, Debug)]
struct Block {
    address: usize,
    layout: Layout,
    guard: GuardLevel,
    fill: u8,
    /// The stack that asked for it, if that was recorded.
    stack: Option<usize>,
    /// Whether it lies in the pool; then `guard` has no meaning.
    is_sampled: bool,
}

/// A corruption: a byte that the test has written to a guard.
#[derive(Clone, Copy, Debug)]
struct Planted {
    kind: CorruptionKind,
    offset: isize,
    byte: u8,
    size_bytes: usize,
    stack: Option<usize>,
    free_stack: Option<usize>,
}

/// A freed block that may be in quarantine.
#[derive(Clone, Copy, Debug)]
struct Freed {
    block: Block,
    stack: Option<usize>,
}

struct Bench {
    heap: Box<Tracked<Heap<HostPages>, TestPlatform>>,
    random: Random,
    guard: GuardLevel,
    level: Level,
    caller: usize,
    live: Vec<Block>,
    freed: Vec<Freed>,
    recent: Recent,
    /// First frees that were reported by their innermost callers.
    first_frees: u64,
    planted: BTreeMap<(usize, bool), Planted>,
    /// Overruns, underruns, writes after free.
    found: [u64; 3],
    bad_frees: u64,
    /// One allocation in `interval` is sampled; `countdown` is the number of allocations until the next sample.
    interval: u32,
    countdown: u32,
    lives: Lives,
    /// Accesses past a block, and after its free.
    caught: [u64; 2],
}

impl Bench {
    fn new(kind: Kind) -> Self {
        let mut source = HostPages::new(PAGES);
        let words = source.words();
        let heap = Box::new(Tracked::new(TestPlatform::new()));
        heap.start(Heap::new(kind, source, words));
        heap.set_level(Level::Stacks);
        heap.guards().set_level(GuardLevel::Full);
        Self {
            heap,
            random: Random::new(0x9e37_79b9_7f4a_7c15),
            guard: GuardLevel::Full,
            level: Level::Stacks,
            caller: 0,
            live: Vec::new(),
            freed: Vec::new(),
            recent: Recent::new(),
            first_frees: 0,
            planted: BTreeMap::new(),
            found: [0; 3],
            bad_frees: 0,
            interval: 0,
            countdown: 0,
            lives: Lives::new(),
            caught: [0; 2],
        }
    }

    /// The stack that the tracker knows of this call.
    fn stack(&self) -> Option<usize> {
        (self.level >= Level::Stacks).then_some(self.caller)
    }

    /// The guards that a new block gets.
    fn guard_now(&self) -> GuardLevel {
        if self.level >= Level::Blocks { self.guard } else { GuardLevel::Off }
    }

    fn step(&mut self) {
        self.caller = self.random.below(STACKS);
        self.heap.platform().call_from(self.caller, 0);
        match self.random.below(10_000) {
            0..4000 if self.live.len() < MAX_LIVE => self.allocate(),
            0..7600 => drop(self.free()),
            7600..8400 => self.reallocate(),
            8400..8600 => self.free_badly(),
            8600..9000 => self.plant_overrun(),
            9000..9400 => self.plant_underrun(),
            9400..9880 => self.plant_after_free(),
            9880..9970 => self.access(),
            9970..9980 => self.set_sampling(),
            9980..9990 => self.set_guard(),
            9990..9995 => self.set_level(),
            _ => self.check(),
        }
        self.judge();
    }

    fn allocate(&mut self) {
        let (size_log2, align) = (self.random.below(14), self.random.below(8));
        let align_log2 = if align == 0 { self.random.below(14) } else { 4 };
        let layout = Layout::from_size_align(self.random.below(1 << size_log2), 1 << align_log2).unwrap();
        let is_expected = self.expect_sample(layout);
        let address = self.heap.allocate(layout).unwrap().as_ptr() as usize;
        let fill = self.random.next_u64() as u8;
        let is_sampled = self.heap.guards().is_in_window(address);
        assert_eq!(is_sampled, is_expected);
        let is_full = self.guard_now() == GuardLevel::Full;
        let block = Block { address, layout, guard: self.guard_now(), fill, stack: self.stack(), is_sampled };
        assert!(address.is_multiple_of(layout.align()));
        if is_full {
            assert!(contents(&block).iter().all(|byte| *byte == FRESH), "a fresh block is poisoned");
        }
        self.enter(block);
    }

    /// Writes a new block to its last byte.
    fn enter(&mut self, mut block: Block) {
        if block.is_sampled {
            block.guard = GuardLevel::Off;
            self.lives.insert(page_of(block.address), Life::Live(block));
        }
        // SAFETY: live, and of that size.
        unsafe { (block.address as *mut u8).write_bytes(block.fill, block.layout.size()) };
        if block.guard >= GuardLevel::RedZone || block.is_sampled {
            let usable = self.heap.usable_size_bytes(pointer(block.address)).unwrap();
            assert_eq!(usable, block.layout.size());
        }
        self.recent.remove(&block.address);
        self.live.push(block);
    }

    /// Takes a random live block out of the model.
    fn take(&mut self) -> Option<Block> {
        if self.live.is_empty() {
            return None;
        }
        let place = self.random.below(self.live.len());
        let block = self.live.swap_remove(place);
        assert!(contents(&block).iter().all(|byte| *byte == block.fill), "contents were lost");
        Some(block)
    }

    fn free(&mut self) -> Option<Block> {
        let block = self.take()?;
        let with_layout = self.random.below(2) == 0;
        // SAFETY: live, and nobody uses it.
        unsafe {
            if with_layout {
                self.heap.free_with_layout(pointer(block.address), block.layout).unwrap();
            } else {
                self.heap.free(pointer(block.address)).unwrap();
            }
        }
        self.note_freed(block);
        self.judge_pool();
        Some(block)
    }

    fn note_freed(&mut self, block: Block) {
        self.note_recent(block);
        if block.is_sampled {
            self.lives.insert(page_of(block.address), Life::Freed(Freed { block, stack: self.stack() }));
        } else if self.guard_now() == GuardLevel::Full {
            let stack = self.stack();
            self.freed.retain(|freed| freed.block.address != block.address);
            self.freed.push(Freed { block, stack });
        }
        self.judge();
        let planted = [false, true].map(|is_front| self.planted.get(&(block.address, is_front)));
        assert!(planted.iter().all(Option::is_none), "a free finds what was planted: {planted:?}");
    }

    fn reallocate(&mut self) {
        let Some(block) = self.take() else { return };
        let size_bytes =
            if self.random.below(4) == 0 { block.layout.size() } else { self.random.below(6000) };
        // SAFETY: live; a block that moved is not used any more.
        let moved =
            unsafe { self.heap.reallocate_with_layout(pointer(block.address), block.layout, size_bytes) };
        let address = moved.unwrap().unwrap().as_ptr() as usize;
        let layout = Layout::from_size_align(size_bytes, block.layout.align()).unwrap();
        let is_moved = address != block.address;
        assert!(is_moved || !block.is_sampled || size_bytes == block.layout.size());
        let is_sampled = self.heap.guards().is_in_window(address);
        if is_moved {
            // The old block was live when the new one came.
            self.live.push(block);
            let is_expected = self.expect_sample(layout);
            self.live.pop();
            assert_eq!(is_sampled, is_expected);
        }
        let guard = if is_moved { self.guard_now() } else { block.guard };
        // At a level without stacks a resize in place leaves the old one; what has no record gets none.
        let is_recorded = self.heap.blocks().get(address).is_some();
        let stack = if is_moved { self.stack() } else { self.stack().or(block.stack) };
        let stack = stack.filter(|_| is_recorded);
        let kept = block.layout.size().min(size_bytes);
        let new = Block { address, layout, guard, stack, is_sampled, ..block };
        assert!(contents(&new).iter().take(kept).all(|byte| *byte == block.fill), "contents were lost");
        if is_moved {
            self.note_freed(block);
        }
        self.enter(new);
        self.judge_pool();
    }

    /// One of the frees that are refused.
    fn free_badly(&mut self) {
        let case = self.random.below(6);
        let Some(&block) = self.live.get(self.random.below(self.live.len().max(1))) else { return };
        let is_recorded = self.heap.blocks().get(block.address).is_some();
        let refused = match case {
            0 => {
                let Some(block) = self.free() else { return };
                let bad = self.refuse(block.address);
                if block.is_sampled && self.lives.contains_key(&page_of(block.address)) {
                    assert_eq!(bad.kind, BadFreeKind::DoubleFree);
                    self.assert_stack(bad.block.unwrap().stack(), block.stack);
                    self.assert_free_stack(bad.free.unwrap().stack(), self.stack());
                }
                if self.guard_now() >= GuardLevel::Free
                    && block.stack.is_some()
                    && self.level >= Level::Stacks
                {
                    assert_eq!(bad.kind, BadFreeKind::DoubleFree);
                    self.assert_stack(bad.block.unwrap().stack(), block.stack);
                    self.assert_free_stack(bad.free.unwrap().stack(), self.stack());
                }
                self.assert_first_free_is_known(&block, &bad);
                bad
            }
            1 => {
                let offset = 1 + self.random.below(15);
                let bad = self.refuse(block.address + offset);
                if is_recorded && bad.block.is_some_and(|found| found.address() == block.address) {
                    self.assert_stack(bad.block.unwrap().stack(), block.stack);
                }
                bad
            }
            2 if has_front(&block) => {
                let own_start = block.address - block.layout.align().max(ZONE_BYTES);
                let bad = self.refuse(own_start);
                assert_eq!(bad.kind, BadFreeKind::Interior { start: block.address });
                bad
            }
            3 if is_recorded => {
                let wrong = Layout::from_size_align(block.layout.size() + 1, block.layout.align()).unwrap();
                self.bad_frees += 1;
                // SAFETY: the tracker refuses it.
                let bad = unsafe { self.heap.free_with_layout(pointer(block.address), wrong) }.unwrap_err();
                assert!(matches!(bad.kind, BadFreeKind::WrongLayout { .. }));
                self.assert_stack(bad.block.unwrap().stack(), block.stack);
                bad
            }
            4 if !self.recent.is_empty() => {
                let address = self.pick_recent();
                self.refuse(address)
            }
            _ => {
                let local = 0_u64;
                let bad = self.refuse((&raw const local) as usize);
                assert_eq!(bad.kind, BadFreeKind::NeverAllocated);
                bad
            }
        };
        self.judge_first_free(&refused);
        assert!(!refused.to_string().is_empty());
    }

    fn refuse(&mut self, address: usize) -> BadFree {
        self.bad_frees += 1;
        // SAFETY: no live block starts there.
        unsafe { self.heap.free(pointer(address)) }.unwrap_err()
    }

    fn plant_overrun(&mut self) {
        let draw = self.random.below(1 << 20);
        self.plant(
            |block| block.guard >= GuardLevel::RedZone || block.is_sampled && rest_of_page(block)[1] > 0,
            CorruptionKind::Overrun,
            |block| {
                let rest = if block.is_sampled { rest_of_page(block)[1] } else { ZONE_BYTES };
                (block.layout.size() + draw % rest) as isize
            },
        );
    }

    fn plant_underrun(&mut self) {
        let draw = self.random.below(1 << 20);
        self.plant(
            |block| has_front(block) || block.is_sampled && rest_of_page(block)[0] > 0,
            CorruptionKind::Underrun,
            |block| {
                let rest = if block.is_sampled { rest_of_page(block)[0] } else { ZONE_BYTES };
                -1 - (draw % rest) as isize
            },
        );
    }

    fn plant(
        &mut self,
        can_be: impl Fn(&Block) -> bool,
        kind: CorruptionKind,
        offset: impl Fn(&Block) -> isize,
    ) {
        let Some(&block) = self.live.get(self.random.below(self.live.len().max(1))) else { return };
        let key = (block.address, kind == CorruptionKind::Underrun);
        if !can_be(&block) || self.planted.contains_key(&key) {
            return;
        }
        let planted = Planted {
            kind,
            offset: offset(&block),
            byte: ZONE ^ self.random_bits(),
            size_bytes: block.layout.size(),
            stack: block.stack,
            free_stack: None,
        };
        write(block.address, &planted);
        self.planted.insert(key, planted);
    }

    fn plant_after_free(&mut self) {
        let heap = &self.heap;
        self.freed.retain(|freed| {
            heap.guards()
                .quarantined(freed.block.address)
                .is_some_and(|held| held.layout() == freed.block.layout)
        });
        let Some(&freed) = self.freed.get(self.random.below(self.freed.len().max(1))) else { return };
        let Freed { block, stack } = freed;
        if self.planted.contains_key(&(block.address, false)) || block.layout.size() == 0 {
            return;
        }
        let planted = Planted {
            kind: CorruptionKind::WriteAfterFree,
            offset: self.random.below(block.layout.size()) as isize,
            byte: FREED ^ self.random_bits(),
            size_bytes: block.layout.size(),
            stack: block.stack,
            free_stack: stack,
        };
        write(block.address, &planted);
        self.planted.insert((block.address, false), planted);
    }

    /// A byte with at least one bit set.
    fn random_bits(&mut self) -> u8 {
        self.random.below(255) as u8 + 1
    }

    fn set_guard(&mut self) {
        self.guard = GuardLevel::ALL[self.random.below(2 * GuardLevel::ALL.len()).min(3)];
        self.heap.guards().set_level(self.guard);
        self.judge();
        self.assert_quarantine_is_empty();
    }

    fn set_level(&mut self) {
        self.level = Level::ALL[5 - self.random.below(25).isqrt() - 1];
        self.heap.set_level(self.level);
        self.judge();
        self.assert_quarantine_is_empty();
    }

    fn assert_quarantine_is_empty(&mut self) {
        if self.guard_now() < GuardLevel::Full {
            assert_eq!(self.heap.guards().statistics().quarantined_blocks, 0);
            self.freed.clear();
            let is_after = |planted: &Planted| planted.kind == CorruptionKind::WriteAfterFree;
            assert!(!self.planted.values().any(is_after), "evicted blocks are checked");
        }
    }

    /// After a check of everything no planted corruption is left.
    fn check(&mut self) {
        let statistics = self.heap.guards().statistics();
        let checked = self.heap.guards().check(|| true);
        assert_eq!(
            (checked.live_blocks, checked.quarantined_blocks),
            (statistics.guarded_blocks + statistics.sampled_blocks, statistics.quarantined_blocks)
        );
        self.judge();
        assert!(self.planted.is_empty(), "planted and not found: {:?}", self.planted);
        let guarded = self.live.iter().filter(|block| block.guard >= GuardLevel::RedZone);
        assert_eq!(guarded.count() as u64, statistics.guarded_blocks);
        self.judge_pool();
        // P1: the blocks that the backend has handed out are those that are live or in quarantine, without sampled ones.
        let sampled = statistics.sampled_blocks;
        let (now, backend) = (self.heap.counters(), self.heap.with_backend(Backend::live).flatten().unwrap());
        assert_eq!(now.live_blocks, self.live.len() as u64);
        assert_eq!(backend.blocks + sampled, now.live_blocks + statistics.quarantined_blocks);
        let sampled_bytes = sampled * PAGE_BYTES as u64;
        assert_eq!(backend.bytes + sampled_bytes, now.taken_bytes + statistics.quarantined_bytes);
        assert_eq!(self.heap.check_consistency(), Consistency::Holds);
        assert_eq!(now.bad_frees, self.bad_frees);
        let after = self.heap.guards().statistics();
        assert_eq!([after.overruns, after.underruns, after.writes_after_free], self.found);
    }

    /// Each corruption that was reported was planted.
    fn judge(&mut self) {
        let reported: Vec<Corruption> = std::mem::take(&mut *self.heap.platform().reported.lock().unwrap());
        for corruption in reported {
            let address = corruption.block.address();
            let key = (address, corruption.kind == CorruptionKind::Underrun);
            let planted = self.planted.remove(&key);
            let planted = planted.unwrap_or_else(|| panic!("{corruption} was not planted"));
            assert_eq!((corruption.kind, corruption.offset), (planted.kind, planted.offset), "{corruption}");
            assert_eq!(corruption.seen().first(), Some(&planted.byte), "{corruption}");
            assert_eq!(corruption.block.size_bytes(), planted.size_bytes);
            self.assert_stack(corruption.block.stack(), planted.stack);
            assert_eq!(corruption.free.is_some(), planted.kind == CorruptionKind::WriteAfterFree);
            if let Some(free) = corruption.free {
                self.assert_free_stack(free.stack(), planted.free_stack);
            }
            self.found[planted.kind as usize] += 1;
        }
    }

    /// The stack of a number is the one expected.
    fn assert_stack(&self, number: u16, expected: Option<usize>) {
        self.assert_stack_up_to(MAX_FRAMES, number, expected);
    }

    /// The stack of a free is the one expected.
    fn assert_free_stack(&self, number: u16, expected: Option<usize>) {
        self.assert_stack_up_to(MAX_FREE_FRAMES, number, expected);
    }

    fn assert_stack_up_to(&self, frames: usize, number: u16, expected: Option<usize>) {
        let found = self.heap.stacks().get(number).map(|stack| stack.frames().to_vec());
        let expected = expected
            .map(|caller| (0..=caller).map(|frame| return_address(caller, frame)).take(frames).collect());
        assert_eq!(found, expected);
    }
}

fn pointer(address: usize) -> NonNull<u8> {
    NonNull::new(address as *mut u8).unwrap()
}

fn contents(block: &Block) -> &[u8] {
    // SAFETY: live, and of that size.
    unsafe { std::slice::from_raw_parts(block.address as *const u8, block.layout.size()) }
}

/// Whether a block has a front red zone.
fn has_front(block: &Block) -> bool {
    block.guard == GuardLevel::Full && block.layout.align() <= MAX_FRONT_ALIGN
}

fn write(address: usize, planted: &Planted) {
    // SAFETY: in a guard of the test's heap, which nobody else uses.
    unsafe { (address as *mut u8).wrapping_offset(planted.offset).write(planted.byte) };
}

fn run(kind: Kind) {
    let steps = std::env::var("GUARD_STEPS").map_or(STEPS, |steps| steps.parse().unwrap());
    let mut bench = Bench::new(kind);
    for number in 0..steps {
        bench.step();
        if number.is_multiple_of(STEPS_PER_CHECK) {
            bench.check();
        }
    }
    bench.interval = 0;
    assert!(bench.heap.guards().set_sampling_interval(0));
    while bench.free().is_some() {}
    bench.judge_pool();
    bench.heap.guards().flush_quarantine();
    bench.judge();
    bench.check();
    assert!(
        bench.bad_frees > 0
            && bench.first_frees > 0
            && bench.found.iter().chain(&bench.caught).all(|count| *count > 0)
    );
    println!(
        "{}: found {:?}, caught {:?}, refused {}",
        kind.name(),
        bench.found,
        bench.caught,
        bench.bad_frees
    );
}

#[test]
fn slab_has_nothing_missed_and_nothing_invented() {
    run(Kind::Slab);
}

#[test]
fn buddy_has_nothing_missed_and_nothing_invented() {
    run(Kind::Buddy);
}

#[test]
fn talc_has_nothing_missed_and_nothing_invented() {
    run(Kind::Talc);
}

#[test]
fn tlsf_has_nothing_missed_and_nothing_invented() {
    run(Kind::Tlsf);
}

#[test]
fn linked_list_has_nothing_missed_and_nothing_invented() {
    run(Kind::LinkedList);
}
