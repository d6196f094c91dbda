//! Leaks by reachability against a plain model: random graphs, and heaps that change while they are looked at.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "common/blind.rs"]
mod blind;
mod common;

use std::alloc::Layout;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::ptr::NonNull;
use std::slice;

use blind::BlindBackend;
use common::{HostBackend, HostPlatform};
use memstat::{Edge, GuardLevel, Level, Node, Reach, Record, Retained, ScanError, ScanSummary, Tracked};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence::{self, WithSource};

type Heap = Tracked<HostBackend, HostPlatform>;

const WORD_BYTES: usize = size_of::<usize>();

/// A heap whose blocks are words, some of which point to others; the first block's words are the roots.
struct Graph {
    heap: Box<Heap>,
    /// The blocks and their words.
    blocks: BTreeMap<usize, Vec<usize>>,
    roots: Box<[usize]>,
}

fn span_of(words: &[usize]) -> Range<usize> {
    let start = words.as_ptr() as usize;
    start..start + size_of_val(words)
}

fn words_layout(words: usize) -> Layout {
    Layout::from_size_align(words * WORD_BYTES, 16).unwrap()
}

impl Graph {
    fn new(roots: usize, guard: GuardLevel) -> Self {
        let heap = Box::new(Tracked::new(HostPlatform::default()));
        heap.start(HostBackend::default());
        heap.set_level(Level::Blocks);
        heap.guards().set_level(guard);
        Self { heap, blocks: BTreeMap::new(), roots: vec![0; roots].into() }
    }

    fn allocate(&mut self, words: usize) -> usize {
        let block = self.heap.allocate(words_layout(words)).unwrap();
        // SAFETY: a fresh block of so many bytes.
        unsafe { block.write_bytes(0, words * WORD_BYTES) };
        let address = block.as_ptr() as usize;
        assert!(self.blocks.insert(address, vec![0; words]).is_none());
        address
    }

    fn free(&mut self, address: usize) {
        let words = self.blocks.remove(&address).unwrap();
        let block = NonNull::new(address as *mut u8).unwrap();
        // SAFETY: live, with this layout; the model forgets it.
        unsafe { self.heap.free_with_layout(block, words_layout(words.len())) }.unwrap();
    }

    fn write(&mut self, address: usize, place: usize, word: usize) {
        self.blocks.get_mut(&address).unwrap()[place] = word;
        // SAFETY: a live block of so many words.
        unsafe { (address as *mut usize).add(place).write(word) };
    }

    fn spans(&self) -> Vec<Range<usize>> {
        Vec::from([span_of(&self.roots)])
    }

    fn scan(&self) -> ScanSummary {
        // SAFETY: the roots live as long as the graph.
        unsafe { self.heap.leaks().scan(&self.spans(), || true) }.unwrap()
    }

    /// The block that an address lies in.
    fn around(&self, address: usize) -> Option<usize> {
        let (start, words) = self.blocks.range(..=address).next_back()?;
        (address - start < words.len() * WORD_BYTES || address == *start).then_some(*start)
    }

    /// What can be reached, computed independently.
    fn reachable(&self, more: &[usize]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open: Vec<usize> = self.roots.iter().copied().filter_map(|word| self.around(word)).collect();
        open.extend_from_slice(more);
        while let Some(address) = open.pop() {
            if found.insert(address) {
                open.extend(self.blocks[&address].iter().filter_map(|word| self.around(*word)));
            }
        }
        found
    }

    fn unreachable(&self) -> BTreeSet<usize> {
        let reachable = self.reachable(&[]);
        self.blocks.keys().copied().filter(|address| !reachable.contains(address)).collect()
    }

    fn leaks(&self) -> BTreeSet<usize> {
        leaks_of(&self.heap)
    }

    fn free_all(&mut self) {
        for address in self.blocks.keys().copied().collect::<Vec<_>>() {
            self.free(address);
        }
        self.heap.guards().set_level(GuardLevel::Off);
    }
}

fn leaks_of<B: memstat::Backend>(heap: &Tracked<B, HostPlatform>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut buffer = [Record::EMPTY; 3];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = heap.leaks().read(from, &mut buffer);
        for record in &buffer[..count] {
            assert!(found.insert(record.address()), "a leak is reported twice");
        }
        cursor = next;
    }
    found
}

/// Words of a block: how many, and which blocks some of them point to, and how far in.
type Shape = (usize, Vec<(usize, usize, usize)>);

fn shapes() -> impl Strategy<Value = (Vec<Shape>, Vec<usize>, GuardLevel)> {
    let links = prop::collection::vec((any::<usize>(), any::<usize>(), 0_usize..40), 0..3);
    (
        prop::collection::vec((0_usize..40, links), 1..400),
        prop::collection::vec(any::<usize>(), 1..6),
        prop::sample::select(GuardLevel::ALL.to_vec()),
    )
}

fn build(shapes: &[Shape], roots: &[usize], guard: GuardLevel) -> (Graph, Vec<usize>) {
    let mut graph = Graph::new(roots.len(), guard);
    let blocks: Vec<usize> = shapes.iter().map(|(words, _)| graph.allocate(*words)).collect();
    for (number, (words, links)) in shapes.iter().enumerate() {
        for (place, to, into) in links.iter().filter(|_| *words > 0) {
            let target = blocks[to % blocks.len()];
            let length = graph.blocks[&target].len();
            // Into the middle of a word too.
            let word = target + if length == 0 { 0 } else { into % (length * WORD_BYTES) };
            graph.write(blocks[number], place % words, word);
        }
    }
    for (slot, root) in graph.roots.iter_mut().zip(roots) {
        *slot = blocks[root % blocks.len()];
    }
    (graph, blocks)
}

/// Failing cases are kept beside this file.
const BESIDE: FileFailurePersistence = WithSource("proptest-regressions");

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::with_failure_persistence(BESIDE) })]

    #[test]
    fn leaks_are_what_the_model_cannot_reach((shapes, roots, guard) in shapes()) {
        let (mut graph, blocks) = build(&shapes, &roots, guard);
        let expected = graph.unreachable();
        let first = graph.scan();
        prop_assert_eq!(first.blocks, blocks.len() as u64);
        prop_assert_eq!((first.suspects, first.leaks), (expected.len() as u64, 0));
        prop_assert!(graph.leaks().is_empty(), "one scan is not enough");
        let second = graph.scan();
        prop_assert_eq!((second.suspects, second.leaks), (0, expected.len() as u64));
        prop_assert_eq!(second.new_leaks, second.leaks);
        prop_assert_eq!(graph.leaks(), expected.clone());
        let third = graph.scan();
        prop_assert_eq!((third.leaks, third.new_leaks), (second.leaks, 0));
        // A block that can be reached again is no leak any more, nor is what it points to.
        if let Some(lost) = expected.first() {
            graph.roots[0] = *lost;
            graph.scan();
            let left = graph.unreachable();
            prop_assert_eq!(graph.leaks(), expected.intersection(&left).copied().collect::<BTreeSet<_>>());
        }
        graph.free_all();
    }

    #[test]
    fn references_are_those_of_the_model((shapes, roots, guard) in shapes(), place in any::<usize>()) {
        let (mut graph, blocks) = build(&shapes, &roots, guard);
        let reachable = graph.reachable(&[]);
        let spans = graph.spans();
        let mut nodes = vec![Node::EMPTY; blocks.len()];
        for block in blocks.iter().skip(place % blocks.len()).take(5) {
            let span = *block..block + (graph.blocks[block].len() * WORD_BYTES).max(1);
            let expected: BTreeSet<(Option<usize>, usize)> = graph
                .blocks
                .iter()
                .flat_map(|(holder, words)| words.iter().map(move |word| (Some(*holder), *word)))
                .chain(graph.roots.iter().map(|word| (None, *word)))
                .filter(|(_, word)| span.contains(word))
                .collect();
            let mut found = BTreeSet::new();
            // SAFETY: the roots live as long as the graph; each place is a word of a root or of a live block.
            unsafe {
                graph.heap.references().find(&span, &spans, |reference| {
                    assert_eq!(*(reference.place as *const usize), reference.target);
                    found.insert((reference.holder.map(|record| record.address()), reference.target));
                    true
                });
            }
            prop_assert_eq!(found, expected);
            // SAFETY: as above.
            let chain = unsafe { graph.heap.references().chain(span.start, &spans, &mut nodes, || true) };
            let links: Vec<_> = chain.unwrap().into_iter().flatten().collect();
            prop_assert_eq!(links.last().map(|link| link.address), reachable.get(block).copied());
            for link in links {
                // SAFETY: a word of a root or of a live block.
                prop_assert_eq!(graph.around(unsafe { *(link.held_at as *const usize) }), Some(link.address));
            }
        }
        let mut by_stack = [Retained::default()];
        let mut edges = vec![Edge::EMPTY; 3 * blocks.len()];
        // SAFETY: as above.
        let summary = unsafe { graph.heap.references().retained(&spans, &mut nodes, &mut edges, &mut by_stack, || true) };
        prop_assert_eq!(summary.unwrap().reachable_blocks, reachable.len() as u64);
        prop_assert_eq!(by_stack[0].bytes, summary.unwrap().reachable_bytes);
        graph.free_all();
    }

    #[test]
    fn what_changes_during_a_scan_is_not_taken_for_a_leak(
        (shapes, roots, guard) in shapes(),
        seed in any::<u64>(),
    ) {
        let (graph, blocks) = build(&shapes, &roots, guard);
        let graph = std::cell::RefCell::new(graph);
        let kept = blocks[roots[0] % blocks.len()];
        let mut random = seed | 1;
        for round in 0..4 {
            // SAFETY: the graph outlives the scan, and each step is over before the next begins.
            let heap = unsafe { &*std::ptr::from_ref::<Heap>(&graph.borrow().heap) };
            let spans = graph.borrow().spans();
            let change = || {
                let mut graph = graph.borrow_mut();
                for _ in 0..4 {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let reachable = graph.reachable(&[]);
                    let lost = graph.unreachable();
                    match random % 4 {
                        // A new block, held by what is reachable for sure.
                        0 | 1 => {
                            let words = graph.blocks[&kept].len();
                            let new = graph.allocate(8);
                            if words > 0 {
                                let old = graph.blocks[&kept][random as usize / 8 % words];
                                graph.write(new, 3, old);
                                graph.write(kept, random as usize / 8 % words, new + 8);
                            }
                        }
                        2 => if let Some(gone) = lost.iter().nth(random as usize / 8 % lost.len().max(1)) {
                            graph.free(*gone);
                        },
                        // A pointer is cut, in every other round.
                        _ if round % 2 == 0 => {
                            let from = *reachable.iter().nth(random as usize / 8 % reachable.len()).unwrap();
                            if !graph.blocks[&from].is_empty() {
                                graph.write(from, 0, 0);
                            }
                        }
                        _ => {}
                    }
                }
                true
            };
            // SAFETY: the roots live as long as the graph.
            unsafe { heap.leaks().scan(&spans, change) }.unwrap();
            let graph = graph.borrow();
            prop_assert!(graph.leaks().is_subset(&graph.unreachable()), "a block that is used is reported");
        }
        // Once all is quiet, two scans find all there is, and nothing else.
        let mut graph = graph.into_inner();
        graph.scan();
        graph.scan();
        prop_assert_eq!(graph.leaks(), graph.unreachable());
        graph.free_all();
    }
}

/// The work list holds a thousand blocks; here twenty thousand are found at once, and a list is fifty thousand long.
#[test]
fn wide_and_deep_graphs_take_no_memory() {
    let mut graph = Graph::new(2, GuardLevel::Off);
    let wide = graph.allocate(20_000);
    for place in 0..20_000 {
        let leaf = graph.allocate(2);
        let child = graph.allocate(3);
        graph.write(wide, place, leaf);
        graph.write(leaf, 1, child + 16);
    }
    let mut head = 0;
    for _ in 0..50_000 {
        let node = graph.allocate(2);
        graph.write(node, 1, head);
        head = node;
    }
    graph.roots[0] = wide + 160_000 - 1;
    graph.roots[1] = head;
    let before = (graph.heap.statistics().arena(), graph.heap.counters());
    let scanned = graph.scan();
    assert_eq!((scanned.blocks, scanned.suspects), (90_001, 0));
    assert!(scanned.walks < 4, "{} walks", scanned.walks);
    assert_eq!((graph.heap.statistics().arena(), graph.heap.counters()), before);
    graph.roots[1] = 0;
    graph.scan();
    assert_eq!(graph.scan().leaks, 50_000);
    assert_eq!(graph.heap.leaks().clear(), 50_000);
    assert_eq!((graph.scan().leaks, graph.leaks().len()), (0, 0));
    graph.free_all();
}

#[test]
fn declarations_override_what_scans_find() {
    let mut graph = Graph::new(1, GuardLevel::Full);
    let blocks: Vec<usize> = (0..6).map(|_| graph.allocate(4)).collect();
    // 0 is no leak and points to 1; 2 is ignored and points to 3; 4 is lost with 5.
    for (from, to) in [(0, 1), (2, 3), (4, 5), (5, 4)] {
        graph.write(blocks[from], 2, blocks[to]);
    }
    let pointer = |number: usize| NonNull::new(blocks[number] as *mut u8).unwrap();
    assert!(graph.heap.leaks().not_leak(pointer(0)));
    assert!(graph.heap.leaks().ignore(pointer(2)));
    assert!(
        !graph.heap.leaks().ignore(NonNull::new((blocks[2] + 8) as *mut u8).unwrap()),
        "no block starts there"
    );
    graph.scan();
    graph.scan();
    assert_eq!(graph.leaks(), [3, 4, 5].map(|number| blocks[number]).into());
    let record = graph.heap.blocks().containing(blocks[4] + 31).unwrap();
    assert_eq!((record.address(), record.reach()), (blocks[4], Reach::Leak));
    assert!(graph.heap.blocks().containing(blocks[4] + 32).is_none(), "that is the rear red zone");
    let mut bytes = [0; 40];
    assert_eq!(graph.heap.blocks().copy_contents(&record, 8, &mut bytes), Some(24));
    assert_eq!(bytes[8..16], blocks[5].to_le_bytes());
    // A freed block vanishes, and a new one in its place is no leak.
    graph.free(blocks[4]);
    assert!(graph.heap.blocks().copy_contents(&record, 0, &mut bytes).is_none());
    assert_eq!(graph.leaks(), [blocks[3], blocks[5]].into());
    graph.free_all();
}

#[test]
fn a_stopped_scan_finds_nothing_and_keeps_earlier_results() {
    let mut graph = Graph::new(1, GuardLevel::Off);
    // SAFETY: there are no roots.
    let scan =
        |should_continue: &mut dyn FnMut() -> bool| unsafe { graph.heap.leaks().scan(&[], should_continue) };
    assert_eq!(scan(&mut || true), Err(ScanError::NoRecords));
    let blocks: BTreeSet<usize> = (0..2000).map(|_| graph.allocate(20)).collect();
    graph.scan();
    graph.scan();
    graph.roots[0] = *blocks.first().unwrap();
    let mut slices = 0;
    // SAFETY: the roots live as long as the graph.
    let stopped = unsafe {
        graph.heap.leaks().scan(&graph.spans(), || {
            slices += 1;
            slices < 2
        })
    };
    assert_eq!(stopped, Err(ScanError::Stopped));
    assert_eq!(graph.leaks(), blocks);
    let heap = &graph.heap;
    let nested =
        // SAFETY: no roots are read.
        |should_continue: &mut bool| *should_continue = unsafe { heap.leaks().scan(&[], || true) } == Err(ScanError::Busy);
    let mut was_busy = false;
    // SAFETY: the roots live as long as the graph.
    unsafe {
        heap.leaks().scan(&graph.spans(), || {
            nested(&mut was_busy);
            true
        })
    }
    .unwrap();
    assert!(was_busy);
    assert_eq!(graph.leaks().len(), 1999);
    graph.free_all();
}

/// Such a backend does not report where its blocks start, so only a pointer to a block's start counts.
#[test]
fn scans_work_with_backends_that_cannot_locate_and_with_unrecorded_blocks() {
    let heap = Box::new(Tracked::new(HostPlatform::default()));
    heap.start(BlindBackend::default());
    heap.set_level(Level::Counters);
    let layout = words_layout(4);
    let unrecorded = heap.allocate(layout).unwrap();
    heap.set_level(Level::Full);
    let blocks: Vec<NonNull<u8>> = (0..3).map(|_| heap.allocate(layout).unwrap()).collect();
    for block in &blocks {
        // SAFETY: a fresh block.
        unsafe { block.write_bytes(0, 32) };
    }
    let roots = [blocks[0].as_ptr() as usize, blocks[1].as_ptr() as usize + 8];
    for _ in 0..2 {
        // SAFETY: the roots are an array on this stack.
        let scanned = unsafe { heap.leaks().scan(slice::from_ref(&span_of(&roots)), || true) }.unwrap();
        assert_eq!((scanned.blocks, scanned.unrecorded), (3, 1));
    }
    assert_eq!(leaks_of(&heap), [blocks[1], blocks[2]].map(|block| block.as_ptr() as usize).into());
    for block in blocks.into_iter().chain([unrecorded]) {
        // SAFETY: live, and nobody uses it.
        unsafe { heap.free_with_layout(block, layout) }.unwrap();
    }
}

/// Runs what panics, without a message.
fn panics(run: impl FnOnce()) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    std::panic::set_hook(hook);
    assert!(ended.is_err());
}

#[test]
fn a_panic_of_the_caller_between_two_slices_ends_the_scan() {
    let mut graph = Graph::new(1, GuardLevel::Off);
    let lost = graph.allocate(4);
    graph.scan();
    for steps in [0, 1] {
        let mut left = steps;
        let should_continue = || {
            assert!(left > 0);
            left -= 1;
            true
        };
        // So many roots that one slice does not end the scan.
        let roots = vec![0_usize; 10_000];
        // SAFETY: the roots live until the scan ends.
        panics(|| _ = unsafe { graph.heap.leaks().scan(&[span_of(&roots)], should_continue) });
        assert!(graph.leaks().is_empty());
    }
    graph.scan();
    assert_eq!(graph.leaks(), BTreeSet::from([lost]));
    graph.free_all();
}

/// Callers' closures run under the lock or between two critical sections: a panic there releases the lock.
#[test]
fn a_panic_of_the_caller_leaves_the_heap_usable() {
    let mut graph = Graph::new(1, GuardLevel::Full);
    let block = graph.allocate(4);
    panics(|| {
        graph.heap.with_backend(|_| panic!("the caller's"));
    });
    panics(|| {
        graph.heap.guards().check(|| panic!("the caller's"));
    });
    let bad = NonNull::new((block + 1) as *mut u8).unwrap();
    // SAFETY: no block starts there.
    panics(|| unsafe { graph.heap.free_or(bad.as_ptr(), |_, _| panic!("the caller's")) });
    assert_eq!(graph.heap.check_consistency(), memstat::Consistency::Holds);
    graph.free_all();
}
