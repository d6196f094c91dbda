//! Runs of pages: the allocator alone, and a tracker over it against a plain map, through long random sequences.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use memstat::{Backend, BadFreeKind, Consistency, Counters, Level, Tracked};
use tally_heap::frames::NotAllocated;
use tally_heap::test_kit::random::Random;
use tally_heap::{PAGE_BYTES, POISON, PageAllocator, PageRun, page_layout};

use crate::common::{HostPages, STACKS, TestPlatform};

const PAGES: usize = 5000;
const MAX_RUNS: usize = 1500;

/// An allocator over host memory, which stays as long as the second value.
fn allocator() -> (PageAllocator, HostPages) {
    let mut memory = HostPages::without_frames(PAGES);
    let mut pages = PageAllocator::empty();
    let metadata = memory.allocate(PageAllocator::metadata_bytes(&memory.span), 64);
    // SAFETY: the memory stays until the allocator is gone, and each piece has one owner.
    unsafe {
        pages.init(&memory.span, metadata);
        pages.add(&memory.span);
    }
    (pages, memory)
}

fn pointer(address: usize) -> NonNull<u8> {
    NonNull::new(address as *mut u8).unwrap()
}

#[test]
fn a_freed_page_is_the_next_one_and_counts_as_free_meanwhile() {
    let (mut pages, _memory) = allocator();
    assert_eq!(pages.free_pages(), PAGES);
    let page = pages.take(1, 0).unwrap();
    assert_eq!((pages.free_pages(), pages.listed_pages()), (PAGES - 1, 1));
    // SAFETY: taken just now.
    unsafe { pages.give(page, 1) }.unwrap();
    assert_eq!(pages.take(1, 0), Some(page));
    let free: usize = pages.free_blocks().iter().enumerate().map(|(order, count)| count << order).sum();
    assert_eq!(free, PAGES - 1);
}

#[test]
fn nothing_fails_for_lack_of_pages_in_the_cache() {
    let (mut pages, memory) = allocator();
    let all = std::iter::from_fn(|| pages.take(1, 0)).count();
    assert_eq!((all, pages.free_pages()), (PAGES, 0));
    for order in 0..=12 {
        // So many pages in a row come back one by one, and some of them are in the cache then.
        let first = memory.span.first().start();
        let row: Vec<_> = (0..1 << order).map(|number| first.wrapping_add(number * PAGE_BYTES)).collect();
        for page in &row {
            // SAFETY: taken above.
            unsafe { pages.give(NonNull::new(*page).unwrap(), 1) }.unwrap();
        }
        let run = pages.take(1 << order, order).unwrap();
        assert_eq!(run.as_ptr(), row[0]);
        // SAFETY: as above.
        unsafe { pages.give(run, 1 << order) }.unwrap();
        for _ in row {
            pages.take(1, 0).unwrap();
        }
        assert_eq!(pages.free_pages(), 0);
    }
}

#[test]
fn only_what_is_a_run_is_given_back() {
    let (mut pages, _memory) = allocator();
    let run = pages.take(6, 3).unwrap();
    let own = pages.take_unlisted().unwrap();
    let free = pages.free_pages();
    // SAFETY: none of these is a run, or nobody uses it.
    unsafe {
        for wrong in [1, 4, 5, 7, 8] {
            assert_eq!(pages.give(run, wrong), Err(NotAllocated));
        }
        assert_eq!(pages.give(run.add(PAGE_BYTES), 5), Err(NotAllocated));
        assert_eq!(pages.give(run.add(1), 6), Err(NotAllocated));
        assert_eq!(pages.give(pointer(0x1000), 1), Err(NotAllocated));
        assert_eq!(pages.give(own, 1), Err(NotAllocated));
        assert_eq!(pages.give_unlisted(run), Err(NotAllocated));
        assert_eq!(pages.free_pages(), free);
        assert_eq!((pages.listed_pages(), pages.unlisted_pages()), (6, 1));
        pages.give(run, 6).unwrap();
        assert_eq!(pages.give(run, 6), Err(NotAllocated));
        pages.give_unlisted(own).unwrap();
        assert_eq!(pages.give_unlisted(own), Err(NotAllocated));
    }
    assert_eq!(pages.free_pages(), PAGES);
}

#[test]
fn a_write_to_a_free_page_is_found_when_it_is_taken_again() {
    let (mut pages, _memory) = allocator();
    // Freed without poison: nothing is checked.
    let old = pages.take(1, 0).unwrap();
    // SAFETY: here and below, the pages are this test's, free or not.
    unsafe {
        pages.give(old, 1).unwrap();
        pages.set_poison(true);
        for (pages_in_run, offset) in
            [(1, 16), (1, PAGE_BYTES - 1), (5, 3 * PAGE_BYTES + 100), (16, 9 * PAGE_BYTES)]
        {
            let order = usize::next_power_of_two(pages_in_run).trailing_zeros();
            let run = pages.take(pages_in_run, order).unwrap();
            pages.give(run, pages_in_run).unwrap();
            let damaged = offset.max(16) / PAGE_BYTES;
            run.add(offset.max(damaged * PAGE_BYTES + 16)).write(7);
            let all: Vec<_> = std::iter::from_fn(|| pages.take(1, 0)).collect();
            let (damage, _) = pages.take_damage().unwrap();
            assert_eq!(damage.page.start(), run.as_ptr().wrapping_add(damaged * PAGE_BYTES));
            assert_eq!(
                (damage.offset, damage.seen[0]),
                (offset.max(damaged * PAGE_BYTES + 16) % PAGE_BYTES, 7)
            );
            assert!(damage.offset + 1 == PAGE_BYTES || damage.seen[1] == POISON);
            assert!(pages.take_damage().is_none());
            for page in all {
                page.write_bytes(1, PAGE_BYTES);
                pages.give(page, 1).unwrap();
            }
        }
        // What was freed with poison is checked even if no more is written.
        pages.set_poison(false);
        let all: Vec<_> = std::iter::from_fn(|| pages.take(1, 0)).collect();
        assert!(pages.take_damage().is_none());
        for page in all {
            page.write_bytes(1, PAGE_BYTES);
            pages.give(page, 1).unwrap();
        }
        let all: Vec<_> = std::iter::from_fn(|| pages.take(64, 6)).collect();
        assert!(!all.is_empty() && pages.take_damage().is_none());
    }
}

/// What is known of a run.
#[derive(Clone, Copy, Debug)]
struct Known {
    pages: usize,
    order: u32,
    purpose: u8,
    is_recorded: bool,
}

impl Known {
    fn layout(&self) -> Layout {
        page_layout(self.pages, self.order).unwrap()
    }
}

/// The tracker over the allocator, and what it should know.
struct Model {
    tracker: Box<Tracked<PageAllocator, TestPlatform>>,
    memory: HostPages,
    level: Level,
    runs: BTreeMap<usize, Known>,
    starts: Vec<usize>,
    /// Pages taken past the tracker.
    own: Vec<usize>,
    expected: Counters,
    pages: usize,
    random: Random,
}

impl Model {
    fn new(seed: u64, arena_limit_bytes: usize) -> Self {
        let (pages, memory) = allocator();
        let tracker = Box::new(Tracked::new(TestPlatform::new()));
        tracker.set_arena_limit_bytes(arena_limit_bytes);
        tracker.start(pages);
        let random = Random::new(seed);
        let (runs, starts, own, expected) = (BTreeMap::new(), Vec::new(), Vec::new(), Counters::ZERO);
        let level = tracker.level();
        Self { tracker, memory, level, runs, starts, own, expected, pages: 0, random }
    }

    fn counts(&self) -> u64 {
        u64::from(self.level >= Level::Counters)
    }

    fn step(&mut self) {
        let stack = self.random.below(STACKS);
        self.tracker.platform().call_from(stack, stack as u8);
        match self.random.below(1000) {
            0..470 if self.starts.len() < MAX_RUNS => self.take(),
            0..900 if !self.starts.is_empty() => self.give(),
            900..940 => self.give_badly(),
            940..950 => self.shrink(),
            950..970 => self.take_own(),
            970..990 => self.give_own(),
            990..996 => {
                self.level = Level::ALL[self.random.below(Level::ALL.len())];
                self.tracker.set_level(self.level);
            }
            996..998 => {
                let is_on = self.random.below(4) == 0;
                self.tracker.with_backend_mut(|pages| pages.set_poison(is_on));
            }
            _ => {}
        }
        self.check_counters();
    }

    fn take(&mut self) {
        let order = if self.random.below(3) > 0 { 0 } else { self.random.below(9) as u32 };
        let pages = match self.random.below(3) {
            0 => 1 + self.random.below(1 << order),
            _ => 1 << order,
        };
        let known = Known { pages, order, purpose: 1 + self.random.below(100) as u8, is_recorded: false };
        let Some(start) = self.tracker.allocate(known.layout()) else {
            self.expected.failures += 1;
            return;
        };
        let address = start.as_ptr() as usize;
        assert!(address.is_multiple_of(PAGE_BYTES << order));
        let below = self.runs.range(..address).next_back();
        assert!(below.is_none_or(|(below, run)| below + run.pages * PAGE_BYTES <= address), "runs overlap");
        let above = self.runs.range(address..).next();
        assert!(above.is_none_or(|(above, _)| address + pages * PAGE_BYTES <= *above), "runs overlap");
        // SAFETY: a fresh run.
        unsafe { start.write_bytes(known.purpose, pages * PAGE_BYTES) };
        let words = self.tracker.with_backend(PageAllocator::words).unwrap();
        words.set_purpose(start, known.purpose);
        let is_recorded = self.tracker.blocks().get(address).is_some();
        self.expected.untracked += u64::from(self.level >= Level::Blocks && !is_recorded);
        self.expected.allocations += self.counts();
        self.runs.insert(address, Known { is_recorded, ..known });
        self.starts.push(address);
        self.pages += pages;
    }

    fn give(&mut self) {
        let place = self.random.below(self.starts.len());
        let address = self.starts.swap_remove(place);
        let known = self.runs.remove(&address).unwrap();
        let start = pointer(address);
        // SAFETY: taken with this layout; its bytes are those that were written then.
        let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, known.pages * PAGE_BYTES) };
        let ends = [bytes.first(), bytes.last()];
        assert_eq!(ends, [Some(&known.purpose); 2]);
        // SAFETY: as above, and nobody uses it.
        unsafe {
            // An unrecorded run has the alignment that its length gives it, as far as is known.
            if self.random.below(2) == 0 {
                self.tracker.free(start).unwrap();
            } else {
                self.tracker.free_with_layout(start, known.layout()).unwrap();
            }
        }
        self.expected.frees += self.counts();
        self.pages -= known.pages;
    }

    /// Frees what is not a run, or not this one: everything is refused, at each level.
    fn give_badly(&mut self) {
        let span = self.memory.span;
        let address = match self.random.below(4) {
            0 if !self.starts.is_empty() => self.starts[self.random.below(self.starts.len())],
            1 if !self.own.is_empty() => self.own[self.random.below(self.own.len())],
            _ => {
                let page = span.first().start() as usize + self.random.below(PAGES) * PAGE_BYTES;
                page + [0, 0, 8, 1][self.random.below(4)]
            }
        };
        let pages = 1 + self.random.below(9);
        let known = self.runs.get(&address).copied();
        if known.is_some_and(|known| known.pages == pages) {
            return;
        }
        let layout = page_layout(pages, pages.next_power_of_two().trailing_zeros()).unwrap();
        // SAFETY: no run of that length starts there.
        let bad = unsafe { self.tracker.free_with_layout(pointer(address), layout) }.unwrap_err();
        self.expected.bad_frees += 1;
        let around = self.runs.range(..=address).next_back();
        let around = around.filter(|(start, run)| address < **start + run.pages * PAGE_BYTES);
        match (known, around) {
            (Some(known), _) => {
                assert!(
                    matches!(bad.kind, BadFreeKind::WrongLayout { size_bytes, .. } if size_bytes == known.pages * PAGE_BYTES)
                );
            }
            (None, Some((start, _))) => assert_eq!(bad.kind, BadFreeKind::Interior { start: *start }),
            (None, None) => {
                assert!(matches!(bad.kind, BadFreeKind::DoubleFree | BadFreeKind::NeverAllocated), "{bad}");
            }
        }
    }

    fn shrink(&mut self) {
        let Some(place) = self.starts.len().checked_sub(1).map(|last| self.random.below(last + 1)) else {
            return;
        };
        let address = self.starts[place];
        let known = self.runs[&address];
        let kept = 1 + self.random.below(known.pages);
        if kept == known.pages || !PageAllocator::can_shrink(known.pages, known.order, kept) {
            return;
        }
        // SAFETY: the pages after the first `kept` are not used any more.
        let shrunk = unsafe {
            self.tracker.reallocate_with_layout(pointer(address), known.layout(), kept * PAGE_BYTES)
        };
        assert_eq!(shrunk, Ok(Some(pointer(address))), "it stays where it is");
        self.expected.reallocations += self.counts();
        self.runs.insert(address, Known { pages: kept, ..known });
        self.pages -= known.pages - kept;
    }

    fn take_own(&mut self) {
        if self.own.len() < 100
            && let Some(page) = self.tracker.with_backend_mut(PageAllocator::take_unlisted).unwrap()
        {
            self.own.push(page.as_ptr() as usize);
        }
    }

    fn give_own(&mut self) {
        if let Some(page) = self.own.pop() {
            // SAFETY: taken above, and never used.
            let given = self.tracker.with_backend_mut(|pages| unsafe { pages.give_unlisted(pointer(page)) });
            given.unwrap().unwrap();
        }
    }

    fn check_counters(&self) {
        let now = self.tracker.counters();
        let recorded = self.runs.values().filter(|run| run.is_recorded);
        // The sums are taken from time to time only.
        if now.live_blocks.is_multiple_of(16) {
            let (runs, pages) = recorded.fold((0, 0), |sum, run| (sum.0 + 1, sum.1 + run.pages));
            assert_eq!((now.recorded_blocks(), now.live_bytes), (runs, (pages * PAGE_BYTES) as u64));
        }
        assert_eq!(now.live_blocks, self.runs.len() as u64);
        assert_eq!(now.taken_bytes, (self.pages * PAGE_BYTES) as u64);
        let free = self.tracker.with_backend(PageAllocator::free_pages).unwrap();
        assert_eq!(free + self.pages + self.own.len(), PAGES);
        let found =
            (now.allocations, now.frees, now.reallocations, now.failures, now.bad_frees, now.untracked);
        let Counters { allocations, frees, reallocations, failures, bad_frees, untracked, .. } =
            self.expected;
        assert_eq!(found, (allocations, frees, reallocations, failures, bad_frees, untracked));
    }

    /// Each page belongs to the run that the map says.
    fn check_words(&self) {
        assert_eq!(self.tracker.check_consistency(), Consistency::Holds);
        let words = self.tracker.with_backend(PageAllocator::words).unwrap();
        let mut listed = 0;
        for number in 0..PAGES {
            let address = self.memory.span.first().start() as usize + number * PAGE_BYTES;
            let around = self.runs.range(..=address).next_back();
            let around = around.filter(|(start, run)| address < **start + run.pages * PAGE_BYTES);
            match words.containing(address + number % PAGE_BYTES) {
                Some(PageRun { is_unlisted: true, pages, .. }) => {
                    assert!(pages == 1 && self.own.contains(&address));
                }
                Some(PageRun { first, pages, purpose, .. }) => {
                    let (start, known) = around.unwrap();
                    assert_eq!(
                        (first.start() as usize, pages, purpose),
                        (*start, known.pages, known.purpose)
                    );
                    listed += 1;
                }
                None => assert!(around.is_none()),
            }
        }
        assert_eq!(listed, self.pages);
    }
}

fn run(seed: u64, arena_limit_bytes: usize, steps: u32) {
    let mut model = Model::new(seed, arena_limit_bytes);
    for step in 0..steps {
        model.step();
        if step % 20_000 == 0 {
            model.check_words();
        }
    }
    model.check_words();
    assert!(
        model.tracker.with_backend_mut(PageAllocator::take_damage).unwrap().is_none(),
        "nobody wrote there"
    );
    while !model.starts.is_empty() {
        model.give();
    }
    while !model.own.is_empty() {
        model.give_own();
    }
    model.check_counters();
    model.check_words();
    assert_eq!(model.tracker.blocks().count(), 0);
    // All of it merges again.
    assert!(model.tracker.with_backend_mut(|pages| pages.take(1 << 12, 12)).unwrap().is_some());
    let live = model.tracker.with_backend(Backend::live).flatten().unwrap();
    assert_eq!(live.blocks, 1);
}

/// A million steps, or as many as `MODEL_STEPS` says.
fn steps() -> u32 {
    std::env::var("MODEL_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(1_000_000)
}

#[test]
fn a_million_steps_agree_with_a_plain_map() {
    run(0x70_6167_6573, usize::MAX, steps());
}

#[test]
fn steps_with_a_full_arena_agree_with_a_plain_map() {
    run(0x6675_6c6c, 8 * PAGE_BYTES, steps() / 5);
}
