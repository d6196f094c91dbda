//! The dominators of all reachable blocks. A block dominates another if every chain from the roots to that one leads
//! through it.
//!
//! The algorithm is Semi-NCA of Georgiadis, Tarjan and Werneck ("Finding Dominators in Practice", 2006): a depth-first
//! search numbers the nodes, then the semidominator of each is found, the last first, by paths that are compressed. It
//! takes a time that grows little faster than the number of edges, whatever the blocks look like: rings and lists with links
//! in both directions too. The heap is read once.

use super::{Contents, Graph, NONE, ROOT, Stopped, WORD_BYTES};

/// The number of what stands for all roots; those of nodes follow.
const ROOT_NUMBER: u32 = 0;

/// A reference from one block to another. Made by the tracker, in memory that its caller lends.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// The number of the node that it comes from.
    from: u32,
    /// The next edge to the same node.
    next: u32,
}

impl Edge {
    /// An edge to be overwritten.
    pub const EMPTY: Self = Self { from: NONE, next: NONE };
}

/// Why the dominators were not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DominatorError {
    /// The caller stopped the work.
    Stopped,
    /// There are so many edges, more than there is room for.
    TooManyEdges(usize),
}

impl From<Stopped> for DominatorError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Edges by the nodes that they lead to.
struct Edges<'e> {
    edges: &'e mut [Edge],
    count: usize,
}

impl Graph<'_> {
    /// Makes each reachable node's `parent` the node that dominates it and is nearest to it, or `ROOT`. Returns how many
    /// are reachable; [`Graph::in_order`] has them, dominators first.
    pub(super) fn find_dominators(
        &mut self,
        contents: &mut impl Contents,
        edges: &mut [Edge],
    ) -> Result<u32, DominatorError> {
        let mut edges = Edges { edges, count: 0 };
        let count = self.number_all(contents, &mut edges)?;
        if edges.count > edges.edges.len() {
            return Err(DominatorError::TooManyEdges(edges.count));
        }
        self.find_semidominators(&edges, count);
        self.settle_dominators(count);
        Ok(count)
    }

    /// The node with this number, from 1 on: an ancestor in the search has a lower one.
    pub(super) fn in_order(&self, number: u32) -> u32 {
        self.node(number - 1).at_order
    }

    /// A depth-first search: gives each reachable node its number and its parent's number, and notes all edges.
    fn number_all(&mut self, contents: &mut impl Contents, edges: &mut Edges<'_>) -> Result<u32, Stopped> {
        // The roots' nodes become a list first, as the roots cannot be read in parts.
        let mut pending = NONE;
        contents.for_each_root(&mut |_, word| {
            if let Some(number) = self.find(word) {
                let node = self.node_mut(number);
                if !node.is_root {
                    (node.is_root, node.next) = (true, pending);
                    pending = number;
                }
            }
        });
        let mut count = 0;
        while pending != NONE {
            let start = pending;
            pending = self.node(start).next;
            if self.node(start).order == NONE {
                self.enter_search(start, ROOT, &mut count);
                self.search_from(contents, start, edges, &mut count)?;
            }
        }
        Ok(count)
    }

    fn search_from(
        &mut self,
        contents: &mut impl Contents,
        start: u32,
        edges: &mut Edges<'_>,
        count: &mut u32,
    ) -> Result<(), Stopped> {
        let mut at = start;
        while at != ROOT {
            if !contents.should_continue() {
                return Err(Stopped);
            }
            let Some((place, target)) = self.edge_from(contents, at, self.node(at).value) else {
                at = self.node(at).parent;
                continue;
            };
            self.node_mut(at).value = place + WORD_BYTES;
            let from = self.node(at).order;
            let first = &mut self.node_mut(target).first;
            if let Some(edge) = edges.edges.get_mut(edges.count) {
                *edge = Edge { from, next: *first };
                *first = edges.count as u32;
            }
            edges.count += 1;
            if self.node(target).order == NONE {
                self.enter_search(target, at, count);
                at = target;
            }
        }
        Ok(())
    }

    fn enter_search(&mut self, node: u32, parent: u32, count: &mut u32) {
        self.node_mut(*count).at_order = node;
        *count += 1;
        let ancestor = self.nodes.get(parent as usize).map_or(ROOT_NUMBER, |parent| parent.order);
        let number = *count;
        let node = self.node_mut(node);
        (node.parent, node.order, node.value) = (parent, number, 0);
        (node.ancestor, node.label, node.semi) = (ancestor, number, number);
    }

    /// Gives each node the number of its semidominator, the last node first.
    fn find_semidominators(&mut self, edges: &Edges<'_>, count: u32) {
        for number in (1..=count).rev() {
            let node = self.in_order(number);
            let mut semi = if self.node(node).is_root { ROOT_NUMBER } else { self.node(node).ancestor };
            let mut edge = self.node(node).first;
            while let Some(Edge { from, next }) = edges.edges.get(edge as usize).copied() {
                let label = self.best_label(from, number + 1);
                semi = semi.min(self.numbered(label).semi);
                edge = next;
            }
            self.node_mut(node).semi = semi;
        }
    }

    fn numbered(&self, number: u32) -> &super::Node {
        self.node(self.in_order(number))
    }

    /// Of the nodes above one, up to those whose numbers are below `linked`: the number of that with the lowest
    /// semidominator. The path is compressed.
    fn best_label(&mut self, number: u32, linked: u32) -> u32 {
        let mut at = self.in_order(number);
        if self.node(at).ancestor < linked {
            return self.node(at).label;
        }
        // The path, as a list through its nodes.
        let mut path = NONE;
        while self.node(at).ancestor >= linked {
            self.node_mut(at).next = path;
            path = at;
            at = self.in_order(self.node(at).ancestor);
        }
        let (top, mut label) = (self.node(at).ancestor, self.node(at).label);
        while path != NONE {
            if self.numbered(label).semi >= self.numbered(self.node(path).label).semi {
                label = self.node(path).label;
            }
            let node = self.node_mut(path);
            (node.ancestor, node.label) = (top, label);
            path = node.next;
        }
        label
    }

    /// From semidominators to dominators, the first node first.
    fn settle_dominators(&mut self, count: u32) {
        for number in 1..=count {
            let node = self.in_order(number);
            let semi = self.node(node).semi;
            let mut dominator = self.node(node).parent;
            while dominator != ROOT && self.node(dominator).order > semi {
                dominator = self.node(dominator).parent;
            }
            self.node_mut(node).parent = dominator;
        }
    }
}
