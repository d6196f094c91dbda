//! Live blocks as a graph: a word in a block that holds an address inside another block is an edge, as in scans for leaks
//! (`reach`).
//!
//! It answers why a block is still reachable (`chain`), and how much memory each call stack keeps alive (`retained`).
//! Those who ask lend the memory for the nodes, one for each live block; nothing is allocated. The lock is held only while a
//! few words of a block are read, so the heap is used in between: a block that is freed meanwhile loses its edges, and one
//! that comes is not in the graph.

mod chain;
mod dominators;
mod node;
mod retained;
#[cfg(test)]
mod tests;

pub use chain::{Chain, Link};
pub use dominators::{DominatorError, Edge};
pub use node::Node;
pub use retained::{Retained, RetainedSummary};

use node::{NONE, ROOT};

/// Number of words that are read in one critical section.
pub(crate) const WORDS_AT_ONCE: usize = 64;
const WORD_BYTES: usize = size_of::<usize>();

/// Where the words of blocks and roots come from.
pub(crate) trait Contents {
    /// Copies words of the block of `node` into `words`, from the byte `offset` on, and returns how many; 0 at its end, or if
    /// the block is no longer live.
    fn read(&self, node: &Node, offset: usize, words: &mut [usize; WORDS_AT_ONCE]) -> usize;

    /// Passes the address of each word of the roots, and the word, to `visit`.
    fn for_each_root(&self, visit: &mut dyn FnMut(usize, usize));

    /// Called now and then: whether to go on.
    fn should_continue(&mut self) -> bool;
}

/// The graph is incomplete, as the caller stopped the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// The nodes, sorted by address.
#[derive(Debug)]
pub(crate) struct Graph<'n> {
    nodes: &'n mut [Node],
    /// All blocks lie between these addresses.
    lowest: usize,
    end: usize,
}

impl<'n> Graph<'n> {
    pub(crate) fn new(nodes: &'n mut [Node]) -> Self {
        let count = nodes.len().min(ROOT as usize);
        let nodes = &mut nodes[..count];
        nodes.sort_unstable_by_key(Node::address);
        let lowest = nodes.first().map_or(0, Node::address);
        let end = nodes.last().map_or(0, Node::end);
        Self { nodes, lowest, end }
    }

    /// The number of the node whose block contains `address`.
    pub(crate) fn find(&self, address: usize) -> Option<u32> {
        if address < self.lowest || address >= self.end {
            return None;
        }
        let number = self.nodes.partition_point(|node| node.address() <= address).checked_sub(1)?;
        self.nodes.get(number)?.contains(address).then_some(number as u32)
    }

    fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    fn node_mut(&mut self, number: u32) -> &mut Node {
        &mut self.nodes[number as usize]
    }

    /// The first edge of a block from the byte `offset` on: the offset of the word, and the node that it points to.
    fn edge_from(&self, contents: &impl Contents, number: u32, offset: usize) -> Option<(usize, u32)> {
        let mut found = None;
        self.read_edges(contents, number, offset, &mut |offset, target| {
            found = Some((offset, target));
            false
        });
        found
    }

    /// Passes the edges of a block from the byte `offset` on to `visit`, until that returns false.
    fn read_edges(
        &self,
        contents: &impl Contents,
        number: u32,
        offset: usize,
        visit: &mut dyn FnMut(usize, u32) -> bool,
    ) {
        let node = self.node(number);
        let mut words = [0; WORDS_AT_ONCE];
        let mut offset = offset + (node.address() + offset).wrapping_neg() % WORD_BYTES;
        loop {
            let count = contents.read(node, offset, &mut words);
            for word in words.iter().take(count) {
                if let Some(target) = self.find(*word)
                    && target != number
                    && !visit(offset, target)
                {
                    return;
                }
                offset += WORD_BYTES;
            }
            if count < WORDS_AT_ONCE {
                return;
            }
        }
    }
}
