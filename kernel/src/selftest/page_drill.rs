//! A drill for leaks of pages: many runs in structures of several kinds, and a hundred lost runs among them.
//!
//! It is to runs what `drill` is to blocks: what was planted is kept in pages of its own, in a form that no scan takes for
//! references, and all is given back in the end.

use core::hint::black_box;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use arrayvec::ArrayVec;
use memstat::{Level, Record};
use tally_heap::PAGE_BYTES;
use tally_heap::test_kit::random::Random;

use super::drill::{DrillError, Judged};
use crate::memory::Purpose;
use crate::memory::leaks::page_usage::PageUsage;
use crate::memory::page_accounting::{give_run, take_run};
use crate::memory::page_tracker::page_tracker;
use crate::memory::pages::scratch::Scratch;

/// Runs that are lost.
pub(crate) const LOST: usize = 100;
/// Runs that are lost together.
const GROUP: usize = 5;
/// Structures.
const HEADS_COUNT: usize = 24;
/// Kinds of structures.
const KINDS: usize = 3;
/// The largest run.
const MAX_PAGES: usize = 3;
const WORD_BYTES: usize = size_of::<usize>();
/// Words of a page that a table of runs has.
const TABLE_WORDS: usize = 256;

/// The roots of the structures: every run in use is reachable from them.
static HEADS: [AtomicUsize; HEADS_COUNT] = [const { AtomicUsize::new(0) }; HEADS_COUNT];

/// What a drill found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Result {
    /// By two scans.
    pub(crate) judged: Judged,
    /// Runs by which the call stack that lost them has grown since the mark.
    pub(crate) grown: u64,
}

/// What was planted. Addresses are kept inverted.
pub(crate) struct Planted {
    all: Scratch<usize>,
    count: usize,
    lost: [usize; LOST],
    lost_count: usize,
    filled: [usize; HEADS_COUNT],
    random: Random,
    before: PageUsage,
    last: u64,
}

impl Planted {
    /// Plants `runs` runs that are reachable, and the lost ones among them.
    #[inline(never)]
    pub(crate) fn plant(seed: u64, runs: usize) -> core::result::Result<Self, DrillError> {
        page_tracker().level().require(Level::Stacks).map_err(DrillError::Level)?;
        let all = Scratch::new(runs + LOST + HEADS_COUNT, || 0).ok_or(DrillError::NoMemory)?;
        let before = PageUsage::now().ok_or(DrillError::NoMemory)?;
        let last = page_tracker().leaks().sequence();
        let random = Random::new(seed.wrapping_mul(2) + 1);
        let mut planted = Self {
            all,
            count: 0,
            lost: [0; LOST],
            lost_count: 0,
            filled: [0; HEADS_COUNT],
            random,
            before,
            last,
        };
        if planted.grow(runs).is_none() {
            return Err(DrillError::NoMemory);
        }
        Ok(planted)
    }

    fn grow(&mut self, runs: usize) -> Option<()> {
        let every = runs / (LOST / GROUP);
        while self.count - self.lost_count < runs {
            let group = self.lost_count / GROUP;
            if group < LOST / GROUP && self.count >= group * every + every / 2 {
                self.lose_group(group)?;
            }
            let head = self.random.below(HEADS_COUNT);
            self.add(head)?;
        }
        Some(())
    }

    /// Keeps a fresh run in mind, and fills it with zeros.
    fn keep(&mut self, run: Option<NonNull<u8>>, pages: usize) -> Option<usize> {
        let run = run?;
        let Some(slot) = self.all.as_mut_slice().get_mut(self.count) else {
            // SAFETY: a fresh run, which nobody knows.
            unsafe { give_run(run) };
            return None;
        };
        let address = run.as_ptr() as usize;
        *slot = !address;
        self.count += 1;
        // SAFETY: a fresh run of so many pages.
        unsafe { run.write_bytes(0, pages * PAGE_BYTES) };
        Some(address)
    }

    fn pages(&mut self) -> usize {
        1 + self.random.below(MAX_PAGES * 2).saturating_sub(MAX_PAGES)
    }

    fn node(&mut self) -> Option<usize> {
        let pages = self.pages();
        self.keep(take_run(pages, pages.next_power_of_two().trailing_zeros(), Purpose::Drivers), pages)
    }

    /// Adds a run to the structure of a head.
    fn add(&mut self, head: usize) -> Option<()> {
        let root = HEADS.get(head)?;
        let old = root.load(Ordering::Relaxed);
        let filled = self.filled.get(head).copied()?;
        let node = self.node()?;
        match head % KINDS {
            // A list.
            0 => {
                put(node, 1, old);
                root.store(node, Ordering::Relaxed);
            }
            // A list whose links point into the next run.
            1 => {
                put(node, 2, old);
                root.store(node + 1 + self.random.below(PAGE_BYTES - 1), Ordering::Relaxed);
            }
            // Tables of runs: each run is in the last table, or becomes the next one.
            _ => {
                let place = filled % TABLE_WORDS;
                if place == 0 {
                    put(node, 0, old);
                    root.store(node, Ordering::Relaxed);
                } else {
                    put(old, place, node);
                }
            }
        }
        *self.filled.get_mut(head)? += 1;
        Some(())
    }

    /// Loses some runs, each time in another way.
    #[inline(never)]
    fn lose_group(&mut self, number: usize) -> Option<()> {
        let mut group = [0; GROUP];
        for run in &mut group {
            let pages = self.pages();
            *run = self.keep(lose_run(pages), pages)?;
            *self.lost.get_mut(self.lost_count)? = !*run;
            self.lost_count += 1;
        }
        let list = HEADS.first()?;
        match number % 4 {
            // One by one.
            0 => {}
            // They refer to what is in use.
            1 => group.iter().for_each(|run| put(*run, 1, list.load(Ordering::Relaxed))),
            // A ring.
            2 => {
                for (place, run) in group.iter().enumerate() {
                    put(*run, 3, group.get((place + 1) % GROUP).copied()?);
                }
            }
            // Added to a list, and removed again.
            _ => {
                for run in group {
                    put(run, 1, list.load(Ordering::Relaxed));
                    list.store(run, Ordering::Relaxed);
                }
                list.store(get(*group.first()?, 1), Ordering::Relaxed);
            }
        }
        // No copy is left on the stack.
        group.fill(0);
        black_box(&group);
        Some(())
    }

    /// Compares what two scans, and the growth since the mark, have found with what was planted.
    pub(crate) fn judge(&self) -> Option<Result> {
        let mut judged = Judged::default();
        let latest = page_tracker().leaks().sequence();
        let mut records = [Record::EMPTY; 32];
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (count, next) = page_tracker().leaks().read(from, &mut records);
            for record in records.iter().take(count) {
                if self.lost.contains(&!record.address()) {
                    judged.found += 1;
                } else if record.is_newer_than(self.last, latest) {
                    judged.wrong += 1;
                }
            }
            cursor = next;
        }
        // The compiler may have made several calls of one.
        let mut stacks = ArrayVec::<u16, LOST>::new();
        for lost in &self.lost {
            let stack = page_tracker().blocks().get(!lost)?.stack();
            if !stacks.contains(&stack) {
                stacks.push(stack);
            }
        }
        let now = PageUsage::now()?;
        let grown = |stack: &u16| now.of(*stack).blocks.saturating_sub(self.before.of(*stack).blocks);
        Some(Result { judged, grown: stacks.iter().map(grown).sum() })
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        for head in &HEADS {
            head.store(0, Ordering::Relaxed);
        }
        let all = self.all.as_mut_slice().get_mut(..self.count).unwrap_or_default();
        self.random.shuffle(all);
        for run in all {
            if let Some(run) = NonNull::new(!*run as *mut u8) {
                // SAFETY: from `take_run`, given back once, and nothing refers to it any more.
                unsafe { give_run(run) };
            }
        }
    }
}

/// Takes a run that will be lost: reports of leaks name this function.
#[inline(never)]
fn lose_run(pages: usize) -> Option<NonNull<u8>> {
    let run = take_run(pages, pages.next_power_of_two().trailing_zeros(), Purpose::Drivers);
    black_box(run)
}

/// Writes a word of a run of the drill's.
fn put(run: usize, word: usize, value: usize) {
    // SAFETY: the drill's runs have a page at least, and are its own.
    unsafe { (run as *mut usize).add(word).write(value) };
}

/// Reads a word of a run of the drill's.
fn get(run: usize, word: usize) -> usize {
    // SAFETY: as in `put`; the run was filled when it was kept.
    unsafe { (run as *const usize).add(word).read() }
}

const _: () = assert!(TABLE_WORDS * WORD_BYTES <= PAGE_BYTES);
