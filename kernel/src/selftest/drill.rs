//! A drill for leak detection: many blocks in structures of several kinds, and a hundred lost blocks among them.
//!
//! What was planted is kept in pages of their own, in a form that no scan takes for references, so the drill can judge
//! what was found, and frees everything in the end. All blocks are filled: what lay in their memory before would be
//! taken for references as well.

use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering};

use memstat::{Level, LevelTooLow, Record};
use spin::Mutex;
use tally_heap::test_kit::random::Random;

use crate::memory::heap::{kfree, kmalloc, tracker};
use crate::memory::pages::scratch::Scratch;

/// Blocks that are lost.
pub(crate) const LEAKS: usize = 100;
/// Blocks that are lost together.
const GROUP: usize = 5;
const GROUPS: usize = LEAKS / GROUP;
/// Structures of each kind.
const PER_KIND: usize = 8;
/// Kinds of structures.
const KINDS: usize = 6;
/// Room for every node.
const MIN_BYTES: usize = 48;
/// One in so many blocks is far larger than the rest.
const LARGE: usize = 1000;
/// Words in an array of pointers, and in a table of hash chains.
const ARRAY_WORDS: usize = 64;
/// Nodes that a table of chains takes before the next one is made.
const TABLE_NODES: usize = 512;
/// The word with the link, in a list that is linked by interior pointers.
const LINK_WORD: usize = 4;
const WORD_BYTES: usize = size_of::<usize>();

/// The roots of the structures, one word each: every live block is reachable from them.
static HEADS: [AtomicUsize; KINDS * PER_KIND] = [const { AtomicUsize::new(0) }; KINDS * PER_KIND];
static PLANTED: Mutex<Option<Planted>> = Mutex::new(None);

/// Why a drill was not planted, judged or freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DrillError {
    /// A drill is planted already.
    Planted,
    /// No drill is planted.
    NotPlanted,
    /// No memory; what was planted is freed again.
    NoMemory,
    /// No scan can find what is planted now.
    Level(LevelTooLow),
}

impl core::fmt::Display for DrillError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Planted => out.write_str("a drill is planted; leaks drill free frees it"),
            Self::NotPlanted => out.write_str("no drill is planted; leaks drill plant does that"),
            Self::NoMemory => out.write_str("out of memory"),
            Self::Level(error) => error.fmt(out),
        }
    }
}

/// How well leaks were found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Judged {
    /// Planted leaks that were reported.
    pub(crate) found: usize,
    /// Reports of blocks that are no planted leaks.
    pub(crate) wrong: usize,
}

/// What was planted. Addresses are kept inverted.
struct Planted {
    all: Scratch<usize>,
    count: usize,
    lost: [usize; LEAKS],
    lost_count: usize,
    /// For arrays and tables: what they hold so far.
    filled: [usize; KINDS * PER_KIND],
    random: Random,
}

/// Plants `blocks` blocks that are reachable, and the leaks among them.
#[inline(never)]
pub(crate) fn plant(seed: u64, blocks: usize) -> Result<(), DrillError> {
    tracker().level().require(Level::Blocks).map_err(DrillError::Level)?;
    let mut slot = PLANTED.lock();
    if slot.is_some() {
        return Err(DrillError::Planted);
    }
    // The last step may add an array and a leaf.
    let all = Scratch::new(blocks + LEAKS + 1, || 0).ok_or(DrillError::NoMemory)?;
    let planted = slot.insert(Planted {
        all,
        count: 0,
        lost: [0; LEAKS],
        lost_count: 0,
        filled: [0; KINDS * PER_KIND],
        random: Random::new(seed.wrapping_mul(2) + 1),
    });
    if planted.grow(blocks).is_none() {
        planted.free();
        *slot = None;
        return Err(DrillError::NoMemory);
    }
    Ok(())
}

/// Frees all that was planted.
#[inline(never)]
pub(crate) fn free() -> Result<(), DrillError> {
    let mut planted = PLANTED.lock().take().ok_or(DrillError::NotPlanted)?;
    planted.free();
    Ok(())
}

/// Compares what scans have found with what was planted. Blocks allocated before the drill, up to the event `last`, are
/// not counted: they may have leaked by themselves, and be found only now.
pub(crate) fn judge(last: u64) -> Result<Judged, DrillError> {
    let slot = PLANTED.lock();
    let planted = slot.as_ref().ok_or(DrillError::NotPlanted)?;
    let mut judged = Judged::default();
    let latest = tracker().leaks().sequence();
    for_each_leak(|record| {
        if planted.lost.contains(&!record.address()) {
            judged.found += 1;
        } else if record.is_newer_than(last, latest) {
            judged.wrong += 1;
        }
    });
    Ok(judged)
}

/// Hands all leaks that scans have found to `visit`.
fn for_each_leak(mut visit: impl FnMut(&Record)) {
    let mut records = [Record::EMPTY; 32];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = tracker().leaks().read(from, &mut records);
        records.iter().take(count).for_each(&mut visit);
        cursor = next;
    }
}

impl Planted {
    fn grow(&mut self, blocks: usize) -> Option<()> {
        let every = blocks / GROUPS;
        while self.count - self.lost_count < blocks {
            // Spread evenly.
            let group = self.lost_count / GROUP;
            if group < GROUPS && self.count >= group * every + every / 2 {
                self.lose_group(group)?;
            }
            let head = self.random.below(HEADS.len());
            self.add(head)?;
        }
        Some(())
    }

    /// Records a new block, and fills it with numbers that are no addresses.
    fn keep(&mut self, block: *mut u8, size_bytes: usize) -> Option<usize> {
        if block.is_null() {
            return None;
        }
        let address = block as usize;
        let Some(slot) = self.all.as_mut_slice().get_mut(self.count) else {
            // SAFETY: a fresh block, which nobody knows.
            unsafe { kfree(block) };
            return None;
        };
        *slot = !address;
        self.count += 1;
        for word in 0..size_bytes / WORD_BYTES {
            put(address, word, self.random.next_u64() as u32 as usize);
        }
        Some(address)
    }

    fn size_bytes(&mut self) -> usize {
        let large = if self.random.below(LARGE) == 0 { 8192 } else { 0 };
        MIN_BYTES + large + self.random.below(10) * WORD_BYTES
    }

    fn node(&mut self) -> Option<usize> {
        let size_bytes = self.size_bytes();
        self.keep(kmalloc(size_bytes), size_bytes)
    }

    /// An array of pointers, all of them null but the first.
    fn array(&mut self, first: usize) -> Option<usize> {
        let array = self.keep(kmalloc(ARRAY_WORDS * WORD_BYTES), 0)?;
        (0..ARRAY_WORDS).for_each(|word| put(array, word, 0));
        put(array, 0, first);
        Some(array)
    }

    /// Adds a block, or two, to the structure of a head.
    fn add(&mut self, head: usize) -> Option<()> {
        let root = HEADS.get(head)?;
        let old = root.load(Ordering::Relaxed);
        let filled = self.filled.get(head).copied()?;
        let mut new_root = old;
        match head % KINDS {
            // A list.
            0 => {
                new_root = self.node()?;
                put(new_root, 0, old);
            }
            // A tree, with a key in each node.
            1 => {
                let node = self.node()?;
                put(node, 0, 0);
                put(node, 1, 0);
                if old == 0 {
                    new_root = node;
                } else {
                    insert(old, node);
                }
            }
            // Hash chains: a table of them, and the table before it.
            2 => {
                if filled.is_multiple_of(TABLE_NODES) {
                    new_root = self.array(old)?;
                    root.store(new_root, Ordering::Relaxed);
                }
                let node = self.node()?;
                let chain = 1 + self.random.below(ARRAY_WORDS - 1);
                put(node, 0, get(new_root, chain));
                put(new_root, chain, node);
            }
            // Arrays of pointers.
            3 => {
                let place = 1 + filled % (ARRAY_WORDS - 1);
                if place == 1 {
                    new_root = self.array(old)?;
                    root.store(new_root, Ordering::Relaxed);
                }
                let leaf = self.node()?;
                put(new_root, place, leaf);
            }
            // A list whose links point into the next block, never to its start.
            4 => {
                let node = self.node()?;
                put(node, LINK_WORD, old);
                new_root = node + 1 + self.random.below(MIN_BYTES - 1);
            }
            // A ring with links in both directions.
            _ => {
                let node = self.node()?;
                let (next, previous) = if old == 0 { (node, node) } else { (get(old, 0), old) };
                put(node, 0, next);
                put(node, 1, previous);
                put(next, 1, node);
                put(previous, 0, node);
                new_root = node;
            }
        }
        root.store(new_root, Ordering::Relaxed);
        *self.filled.get_mut(head)? += 1;
        Some(())
    }

    /// Loses some blocks, each time in another way.
    #[inline(never)]
    fn lose_group(&mut self, number: usize) -> Option<()> {
        let mut group = [0; GROUP];
        for block in &mut group {
            let size_bytes = self.size_bytes();
            *block = self.keep(lose_block(size_bytes), size_bytes)?;
            *self.lost.get_mut(self.lost_count)? = !*block;
            self.lost_count += 1;
        }
        let [first, second, third, fourth, fifth] = group;
        let list = HEADS.first()?;
        match number % GROUP {
            // One by one; what is live is still referred to.
            0 => group.iter().for_each(|block| put(*block, 1, list.load(Ordering::Relaxed))),
            // Added to a list, and removed again.
            1 => {
                for block in group {
                    put(block, 0, list.load(Ordering::Relaxed));
                    list.store(block, Ordering::Relaxed);
                }
                list.store(get(first, 0), Ordering::Relaxed);
            }
            // Pairs, and one that refers to itself.
            2 => {
                for (from, to) in
                    [(first, second), (second, first), (third, fourth), (fourth, third), (fifth, fifth)]
                {
                    put(from, 2, to);
                }
            }
            // A ring by interior pointers.
            3 => {
                for (from, to) in
                    [(first, second), (second, third), (third, fourth), (fourth, fifth), (fifth, first)]
                {
                    put(from, 3, to + 8 + self.random.below(MIN_BYTES - 8));
                }
            }
            // One that refers to the others.
            _ => {
                for (word, to) in [second, third, fourth, fifth].into_iter().enumerate() {
                    put(first, word, to);
                }
            }
        }
        // No copy is left on the stack.
        group.fill(0);
        black_box(&group);
        Some(())
    }

    /// Frees all in random order, and clears the heads.
    fn free(&mut self) {
        for head in &HEADS {
            head.store(0, Ordering::Relaxed);
        }
        let all = self.all.as_mut_slice().get_mut(..self.count).unwrap_or_default();
        self.random.shuffle(all);
        for block in all {
            // SAFETY: from kmalloc, freed once, and nothing refers to it any more.
            unsafe { kfree(!*block as *mut u8) };
        }
        self.count = 0;
    }
}

/// Allocates a block that will be lost: reports of leaks name this function.
#[inline(never)]
fn lose_block(size_bytes: usize) -> *mut u8 {
    let block = kmalloc(size_bytes);
    black_box(block)
}

/// Inserts a node into a tree, by its key.
fn insert(root: usize, node: usize) {
    let key = get(node, 2);
    let mut parent = root;
    loop {
        let side = usize::from(key > get(parent, 2));
        match get(parent, side) {
            0 => return put(parent, side, node),
            child => parent = child,
        }
    }
}

/// Writes a word of a block of the drill's.
fn put(block: usize, word: usize, value: usize) {
    // SAFETY: the drill's blocks have room for the words that it writes, and are its own.
    unsafe { (block as *mut usize).add(word).write(value) };
}

/// Reads a word of a block of the drill's.
fn get(block: usize, word: usize) -> usize {
    // SAFETY: as in `put`; the word was written when the block was kept.
    unsafe { (block as *const usize).add(word).read() }
}
