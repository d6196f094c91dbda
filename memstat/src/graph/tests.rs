//! Random graphs, and the answers of searches that are too simple to be wrong.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::vec::Vec;

use proptest::prelude::*;

use super::{Contents, DominatorError, Edge, Graph, Node, Retained, WORDS_AT_ONCE};

const WORD_BYTES: usize = size_of::<usize>();
const STACKS: usize = 4;
/// More than all words of [`memory`].
const MAX_EDGES: usize = 24 * 80;

/// Blocks, each with its words and its stack, and the words of the roots.
#[derive(Clone, Debug)]
struct Memory {
    blocks: BTreeMap<usize, (Vec<usize>, u16)>,
    roots: Vec<usize>,
    steps_left: usize,
}

const FIRST_ROOT: usize = 8;

impl Contents for Memory {
    fn read(&self, node: &Node, offset: usize, words: &mut [usize; WORDS_AT_ONCE]) -> usize {
        let all = &self.blocks[&node.address()].0;
        let rest = all.get(offset / WORD_BYTES..).unwrap_or_default();
        let count = rest.len().min(WORDS_AT_ONCE);
        words[..count].copy_from_slice(&rest[..count]);
        count
    }

    fn for_each_root(&self, visit: &mut dyn FnMut(usize, usize)) {
        for (number, word) in self.roots.iter().enumerate() {
            visit(FIRST_ROOT + number * WORD_BYTES, *word);
        }
    }

    fn should_continue(&mut self) -> bool {
        self.steps_left = self.steps_left.saturating_sub(1);
        self.steps_left > 0
    }
}

impl Memory {
    fn nodes(&self) -> Vec<Node> {
        let nodes = self.blocks.iter().rev();
        nodes
            .map(|(address, (words, stack))| Node::for_test(*address, words.len() * WORD_BYTES, *stack))
            .collect()
    }

    /// The start of the block that an address lies in.
    fn block_at(&self, address: usize) -> Option<usize> {
        let (start, (words, _)) = self.blocks.range(..=address).next_back()?;
        (address - start < (words.len() * WORD_BYTES).max(1)).then_some(*start)
    }

    /// The blocks that can be reached without one, and how many steps from a root each is.
    fn reachable(&self, without: Option<usize>) -> BTreeMap<usize, usize> {
        let mut distances = BTreeMap::new();
        let mut pending: VecDeque<_> = self.roots.iter().map(|word| (*word, 1)).collect();
        while let Some((word, distance)) = pending.pop_front() {
            let Some(block) = self.block_at(word).filter(|block| Some(*block) != without) else { continue };
            if let Entry::Vacant(place) = distances.entry(block) {
                place.insert(distance);
                pending.extend(self.blocks[&block].0.iter().map(|word| (*word, distance + 1)));
            }
        }
        distances
    }

    fn bytes_of<'a>(&self, blocks: impl IntoIterator<Item = &'a usize>) -> u64 {
        blocks.into_iter().map(|block| (self.blocks[block].0.len() * WORD_BYTES) as u64).sum()
    }
}

/// Blocks of up to 80 words, at 1,000 times their number, with pointers to starts and insides, and other words.
fn memory() -> impl Strategy<Value = Memory> {
    (2..24_usize).prop_flat_map(|count| {
        let word = prop_oneof![
            2 => (0..count, 0..40_usize).prop_map(|(block, inside)| 1000 * (block + 1) + inside),
            3 => any::<usize>().prop_map(|word| word | 1 << 40),
        ];
        let few = prop::collection::vec(word.clone(), 0..5);
        let many = prop::collection::vec(word.clone(), 60..80);
        let words = prop_oneof![5 => few, 1 => many];
        let blocks = prop::collection::vec((words, 0..STACKS as u16), count);
        (blocks, prop::collection::vec(word, 0..4)).prop_map(|(blocks, roots)| Memory {
            blocks: blocks
                .into_iter()
                .enumerate()
                .map(|(number, block)| (1000 * (number + 1), block))
                .collect(),
            roots,
            steps_left: usize::MAX,
        })
    })
}

proptest! {
    #[test]
    fn a_chain_is_as_short_as_can_be_and_each_link_is_there(mut memory in memory(), place in 0..24_usize) {
        let target = 1000 * (place % memory.blocks.len() + 1);
        let mut nodes = memory.nodes();
        let graph = Graph::new(&mut nodes);
        let number = graph.find(target).unwrap();
        let chain = graph.chain(&mut memory, number).unwrap();
        let shortest = memory.reachable(None).get(&target).copied();
        prop_assert_eq!(chain.is_some(), shortest.is_some());
        let links: Vec<_> = chain.into_iter().flatten().collect();
        prop_assert_eq!(links.len(), shortest.unwrap_or(0));
        let mut holder = None;
        for link in &links {
            let word = match holder {
                None => memory.roots[(link.held_at - FIRST_ROOT) / WORD_BYTES],
                Some(block) => memory.blocks[&block].0[(link.held_at - block) / WORD_BYTES],
            };
            prop_assert_eq!(memory.block_at(word), Some(link.address));
            holder = Some(link.address);
        }
        prop_assert!(links.is_empty() || holder == Some(target));
    }

    #[test]
    fn what_a_stack_retains_is_what_cannot_be_reached_without_one_of_its_blocks(mut memory in memory()) {
        let mut nodes = memory.nodes();
        let mut by_stack = [Retained::default(); STACKS];
        let summary = Graph::new(&mut nodes).retained(&mut memory, &mut [Edge::EMPTY; MAX_EDGES], &mut by_stack).unwrap();
        let reachable: BTreeSet<_> = memory.reachable(None).into_keys().collect();
        prop_assert_eq!(summary.reachable_blocks, reachable.len() as u64);
        prop_assert_eq!(summary.reachable_bytes, memory.bytes_of(&reachable));
        prop_assert_eq!(summary.reachable_blocks + summary.unreachable_blocks, memory.blocks.len() as u64);
        prop_assert_eq!(summary.reachable_bytes + summary.unreachable_bytes, memory.bytes_of(memory.blocks.keys()));
        for (stack, retained) in by_stack.iter().enumerate() {
            let own = reachable.iter().filter(|block| usize::from(memory.blocks[*block].1) == stack);
            let own: Vec<_> = own.copied().collect();
            let mut lost = BTreeSet::new();
            for block in &own {
                let rest = memory.reachable(Some(*block));
                lost.extend(reachable.iter().filter(|block| !rest.contains_key(block)));
            }
            prop_assert_eq!(retained.bytes, memory.bytes_of(&lost), "stack {}", stack);
            prop_assert_eq!((retained.own_bytes, retained.blocks), (memory.bytes_of(&own), own.len() as u64));
        }
    }

    #[test]
    fn it_stops_when_told(mut memory in memory(), steps in 1..6_usize) {
        memory.steps_left = steps;
        let mut nodes = memory.nodes();
        let stopped = Graph::new(&mut nodes).retained(&mut memory, &mut [Edge::EMPTY; MAX_EDGES], &mut []);
        // The search asks once for each reachable block, or more often.
        let blocks = memory.reachable(None).len();
        prop_assert!(stopped == Err(DominatorError::Stopped) || blocks < steps);
        prop_assert!(stopped.is_ok() || blocks > 0);
    }
}

#[test]
fn no_nodes_and_an_address_in_none_are_no_error() {
    let mut memory = Memory { blocks: BTreeMap::new(), roots: vec![0, 5], steps_left: 9 };
    assert_eq!(Graph::new(&mut []).find(5), None);
    assert_eq!(Graph::new(&mut []).retained(&mut memory, &mut [], &mut []).unwrap().reachable_blocks, 0);
}

/// A ring with links in both directions, as kernels have them: each block is dominated by the first alone.
#[test]
fn rings_are_no_harder_than_lists() {
    const BLOCKS: usize = 10_000;
    let block_at = |number: usize| 1000 + 16 * (number % BLOCKS);
    let blocks = (0..BLOCKS).map(|number| {
        let words = [block_at(number + 1), block_at(number + BLOCKS - 1)];
        (block_at(number), (words.to_vec(), u16::from(number != 0)))
    });
    let mut memory = Memory { blocks: blocks.collect(), roots: vec![block_at(0)], steps_left: 4 * BLOCKS };
    let mut nodes = memory.nodes();
    let mut by_stack = [Retained::default(); 2];
    let too_few = Graph::new(&mut nodes).retained(&mut memory, &mut [], &mut by_stack);
    assert_eq!(too_few, Err(DominatorError::TooManyEdges(2 * BLOCKS)));
    let (mut nodes, mut edges) = (memory.nodes(), vec![Edge::EMPTY; 2 * BLOCKS]);
    memory.steps_left = 4 * BLOCKS;
    Graph::new(&mut nodes).retained(&mut memory, &mut edges, &mut by_stack).unwrap();
    assert_eq!(by_stack.map(|retained| retained.bytes), [16 * BLOCKS as u64, 16 * (BLOCKS as u64 - 1)]);
}
