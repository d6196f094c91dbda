//! Leaks by reachability while the heap is used: between two slices of a scan blocks are freed and allocated, enter the
//! quarantine, lie in the pool of sampled blocks or move there, and the pool protects its pages.

use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::ptr::NonNull;

use super::Heap;
use super::window::{PageBackend, WindowPlatform};
use memstat::{Access, Consistency, GuardLevel, Level, Record, ScanError, ScanSummary, Tracked};

const WORD_BYTES: usize = size_of::<usize>();
/// Number of blocks that the model keeps, approximately.
const MAX_BLOCKS: usize = 800;

fn heap(level: Level, guard: GuardLevel) -> Box<Heap> {
    let heap = Box::new(Tracked::new(WindowPlatform::new(|| {})));
    heap.start(PageBackend::default());
    heap.set_level(level);
    heap.guards().set_level(guard);
    heap
}

fn words_layout(words: usize) -> Layout {
    Layout::from_size_align(words * WORD_BYTES, 16).unwrap()
}

fn pointer(address: usize) -> NonNull<u8> {
    NonNull::new(address as *mut u8).unwrap()
}

fn span_of(words: &[usize]) -> Range<usize> {
    let start = words.as_ptr() as usize;
    start..start + size_of_val(words)
}

fn leaks_of(heap: &Heap) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut buffer = [Record::EMPTY; 8];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = heap.leaks().read(from, &mut buffer);
        found.extend(buffer[..count].iter().map(Record::address));
        cursor = next;
    }
    found
}

/// A block and its words.
#[derive(Debug)]
struct Block {
    address: usize,
    words: Vec<usize>,
}

impl Block {
    fn holds(&self, address: usize) -> bool {
        address.wrapping_sub(self.address) < (self.words.len() * WORD_BYTES).max(1)
    }
}

/// The model of the heap.
struct Model<'a> {
    heap: &'a Heap,
    /// In the order of their allocation.
    blocks: Vec<Block>,
    roots: &'a RefCell<Box<[usize]>>,
    random: u64,
    /// Peaks: sampled blocks that were live at once, and blocks in quarantine.
    most: [u64; 2],
}

impl Model<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as usize % bound.max(1)
    }

    fn write(&mut self, block: usize, place: usize, word: usize) {
        let block = &mut self.blocks[block];
        block.words[place] = word;
        // SAFETY: a live block of so many words.
        unsafe { (block.address as *mut usize).add(place).write(word) };
    }

    fn allocate(&mut self) -> usize {
        let words = match self.below(30) {
            0 => 512,
            1 => 0,
            _ => 1 + self.below(24),
        };
        let block = self.heap.allocate(words_layout(words)).unwrap();
        // SAFETY: a fresh block of so many bytes.
        unsafe { block.write_bytes(0, words * WORD_BYTES) };
        self.blocks.push(Block { address: block.as_ptr() as usize, words: vec![0; words] });
        self.blocks.len() - 1
    }

    /// Changes every word that points into a block.
    fn redirect(&mut self, from: &Range<usize>, to: impl Fn(usize) -> usize) {
        for number in 0..self.blocks.len() {
            for place in 0..self.blocks[number].words.len() {
                let word = self.blocks[number].words[place];
                if from.contains(&word) {
                    self.write(number, place, to(word));
                }
            }
        }
        for root in self.roots.borrow_mut().iter_mut() {
            if from.contains(root) {
                *root = to(*root);
            }
        }
    }

    fn free(&mut self, number: usize) {
        let block = self.blocks.remove(number);
        let span = block.address..block.address + (block.words.len() * WORD_BYTES).max(1);
        self.redirect(&span, |_| 0);
        // SAFETY: live, with this layout; the model forgets it.
        unsafe { self.heap.free_with_layout(pointer(block.address), words_layout(block.words.len())) }
            .unwrap();
    }

    fn reallocate(&mut self, number: usize) {
        let (old, old_words) = (self.blocks[number].address, self.blocks[number].words.len());
        let words = 1 + self.below(30);
        // SAFETY: live; where it moves, the model has its new address.
        let new = unsafe { self.heap.reallocate(pointer(old), words * WORD_BYTES) }.unwrap().unwrap();
        let new = new.as_ptr() as usize;
        self.blocks[number].address = new;
        self.blocks[number].words.resize(words, 0);
        for place in old_words..words {
            self.write(number, place, 0);
        }
        let span = old..old + (old_words * WORD_BYTES).max(1);
        self.redirect(&span, |word| new + (word - old) % (words * WORD_BYTES));
    }

    /// The numbers of the blocks that can be reached.
    fn reachable(&self) -> BTreeSet<usize> {
        let numbered = self.blocks.iter().enumerate();
        let starts: BTreeMap<usize, usize> =
            numbered.map(|(number, block)| (block.address, number)).collect();
        let around = |address: &usize| {
            let (_, number) = starts.range(..=address).next_back()?;
            self.blocks[*number].holds(*address).then_some(*number)
        };
        let mut found = BTreeSet::new();
        let mut open: Vec<usize> = self.roots.borrow().iter().filter_map(around).collect();
        while let Some(number) = open.pop() {
            if found.insert(number) {
                open.extend(self.blocks[number].words.iter().filter(|word| **word != 0).filter_map(around));
            }
        }
        found
    }

    fn unreachable(&self) -> BTreeSet<usize> {
        let reachable = self.reachable();
        let lost = self.blocks.iter().enumerate().filter(|(number, _)| !reachable.contains(number));
        lost.map(|(_, block)| block.address).collect()
    }

    /// A block that can be reached, or one that cannot.
    fn pick(&mut self, is_reachable: bool) -> Option<usize> {
        let reachable = self.reachable();
        let all: Vec<usize> =
            (0..self.blocks.len()).filter(|number| reachable.contains(number) == is_reachable).collect();
        all.get(self.below(all.len())).copied()
    }

    /// A new block, and a pointer to it or into it.
    fn grow(&mut self) {
        let new = self.allocate();
        let Some(holder) = self.pick(true) else { return };
        let into = self.below((self.blocks[new].words.len() * WORD_BYTES).max(1));
        if !self.blocks[holder].words.is_empty() {
            let place = self.below(self.blocks[holder].words.len());
            self.write(holder, place, self.blocks[new].address + into);
        }
    }

    fn step(&mut self) {
        match self.below(100) {
            0..35 => self.grow(),
            35..55 => {
                if let Some(lost) = self.pick(false) {
                    self.free(lost);
                }
            }
            55..65 => {
                if let Some(used) = self.pick(true).filter(|_| self.blocks.len() > MAX_BLOCKS) {
                    self.free(used);
                }
            }
            65..80 => {
                let number = self.below(self.blocks.len());
                self.reallocate(number);
            }
            80..90 => {
                if let Some(address) = self.heap.platform().protected_address(self.random as usize >> 5) {
                    let _ = self.heap.guards().explain_access(address, Access::Read);
                }
            }
            90..94 => {
                let interval = [0, 1, 2, 5][self.below(4)];
                let slots = 1 + self.below(400);
                self.heap.guards().set_sample_slots(slots);
                assert!(self.heap.guards().set_sampling_interval(interval));
            }
            94..96 => {
                let guard = GuardLevel::ALL[self.below(4).max(self.below(4))];
                self.heap.guards().set_level(guard);
            }
            96..98 => {
                // A block that is freed at another level is removed as well.
                let level = self.heap.level();
                self.heap.set_level([Level::Off, Level::Counters][self.below(2)]);
                if let Some(lost) = self.pick(false) {
                    self.free(lost);
                }
                self.heap.set_level(level);
            }
            98 => self.heap.guards().flush_quarantine(),
            _ => self.heap.reclaim(),
        }
        let guard = self.heap.guards().statistics();
        self.most = [self.most[0].max(guard.sampled_blocks), self.most[1].max(guard.quarantined_blocks)];
    }

    fn assert_figures(&self) {
        let counters = self.heap.counters();
        assert_eq!(counters.live_blocks, self.blocks.len() as u64);
        assert_eq!(counters.recorded_blocks(), counters.live_blocks);
        let bytes: usize = self.blocks.iter().map(|block| block.words.len() * WORD_BYTES).sum();
        assert_eq!(counters.live_bytes, bytes as u64);
        assert_eq!(self.heap.check_consistency(), Consistency::Holds);
        for block in &self.blocks {
            for (place, word) in block.words.iter().enumerate() {
                // SAFETY: a live block of so many words.
                assert_eq!(unsafe { (block.address as *const usize).add(place).read() }, *word);
            }
        }
    }
}

fn churn(seed: u64, level: Level) -> [u64; 2] {
    let heap = heap(level, GuardLevel::Full);
    assert!(heap.guards().set_sampling_interval(2));
    let roots = RefCell::new(vec![0_usize; 8].into_boxed_slice());
    let span = span_of(&roots.borrow());
    let mut model = Model { heap: &heap, blocks: Vec::new(), roots: &roots, random: seed, most: [0; 2] };
    for root in 0..8 {
        let number = model.allocate();
        roots.borrow_mut()[root] = model.blocks[number].address;
    }
    while model.blocks.len() < MAX_BLOCKS {
        model.grow();
    }
    let mut slices = 0;
    for _ in 0..6 {
        // SAFETY: the roots stay to the end of this function.
        let scanned = unsafe {
            heap.leaks().scan(std::slice::from_ref(&span), || {
                slices += 1;
                for _ in 0..10 {
                    model.step();
                }
                true
            })
        };
        scanned.unwrap();
        let lost = model.unreachable();
        let reported = leaks_of(&heap);
        assert!(reported.is_subset(&lost), "blocks in use are reported: {:x?}", reported.difference(&lost));
        model.assert_figures();
    }
    assert!(slices > 20, "{slices} slices");
    // Once all is quiet, two scans find all there is, and nothing else.
    for _ in 0..2 {
        // SAFETY: as above.
        unsafe { heap.leaks().scan(std::slice::from_ref(&span), || true) }.unwrap();
    }
    assert_eq!(leaks_of(&heap), model.unreachable());
    heap.guards().set_sampling_interval(0);
    while !model.blocks.is_empty() {
        model.free(0);
    }
    heap.guards().set_level(GuardLevel::Off);
    model.assert_figures();
    assert_eq!(heap.guards().statistics().sample_slots, 0);
    assert_eq!(heap.with_backend(memstat::Backend::live), Some(Some(memstat::Live::default())));
    model.most
}

#[test]
fn quarantined_and_sampled_blocks_freed_between_slices_are_neither_read_nor_reported() {
    for level in [Level::Blocks, Level::Stacks, Level::Full] {
        let mut most = [0; 2];
        for seed in 1..3 {
            let [sampled, quarantined] = churn(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed), level);
            most = [most[0].max(sampled), most[1].max(quarantined)];
        }
        assert!(most.iter().all(|count| *count > 20), "{most:?} blocks were sampled, and in quarantine");
    }
}

/// Whatever the number of records: the end of a scan and the end of a slice may be one.
#[test]
fn nobody_else_scans_until_the_result_is_taken() {
    let heap = heap(Level::Blocks, GuardLevel::Off);
    let mut blocks = Vec::new();
    let scan = |should_continue: &mut dyn FnMut() -> bool| -> Result<ScanSummary, ScanError> {
        // SAFETY: there are no roots.
        unsafe { heap.leaks().scan(&[], should_continue) }
    };
    while blocks.len() < 4200 {
        blocks.push(heap.allocate(words_layout(1)).unwrap());
        if blocks.len() < 4000 {
            continue;
        }
        let mut slices = 0;
        let scanned = scan(&mut || {
            slices += 1;
            // Nothing was found yet before the first slice.
            assert_eq!(scan(&mut || true), Err(ScanError::Busy), "{} blocks, slice {slices}", blocks.len());
            true
        });
        assert_eq!(scanned.unwrap().blocks, blocks.len() as u64);
    }
    for block in blocks {
        // SAFETY: from `allocate`, each once.
        unsafe { heap.free(block) }.unwrap();
    }
}

#[test]
fn blocks_that_come_during_a_scan_are_not_counted() {
    let heap = heap(Level::Blocks, GuardLevel::Off);
    let mut blocks: Vec<_> = (0..3000).map(|_| heap.allocate(words_layout(1)).unwrap()).collect();
    // SAFETY: there are no roots.
    let scanned = unsafe {
        heap.leaks().scan(&[], || {
            blocks.push(heap.allocate(words_layout(1)).unwrap());
            true
        })
    };
    assert!(blocks.len() > 3000);
    assert_eq!(scanned.unwrap().blocks, 3000);
    for block in blocks {
        // SAFETY: from `allocate`, each once.
        unsafe { heap.free(block) }.unwrap();
    }
}

/// A declaration during a scan applies to that scan.
#[test]
fn what_a_declared_block_points_to_is_no_leak_from_that_scan_on() {
    let heap = heap(Level::Blocks, GuardLevel::Off);
    let [parent, child] = [(); 2].map(|()| heap.allocate(words_layout(1)).unwrap());
    let others: Vec<_> = (0..6000).map(|_| heap.allocate(words_layout(1)).unwrap()).collect();
    for block in others.iter().chain([&child]) {
        // SAFETY: a fresh block.
        unsafe { block.write_bytes(0, WORD_BYTES) };
    }
    // SAFETY: a fresh block of a word.
    unsafe { parent.cast::<usize>().write(child.as_ptr() as usize) };
    let mut slices = 0;
    let mut scan = |said_at: usize| {
        slices = 0;
        // SAFETY: there are no roots.
        let scanned = unsafe {
            heap.leaks().scan(&[], || {
                slices += 1;
                assert!(slices != said_at || heap.leaks().not_leak(parent));
                true
            })
        };
        scanned.unwrap();
    };
    scan(0);
    // Two slices of 4096 steps each make all white, and begin the walk that reads; then nothing is judged yet.
    scan(3);
    let reported = leaks_of(&heap);
    assert!(!reported.contains(&(child.as_ptr() as usize)) && reported.len() == others.len());
    for block in others.into_iter().chain([parent, child]) {
        // SAFETY: from `allocate`, each once.
        unsafe { heap.free(block) }.unwrap();
    }
}
