//! How much memory each call stack keeps alive: what would become unreachable without its blocks.
//!
//! A block dominates another if all chains from the roots to that one lead through it. What a block retains is its own
//! size and that of all blocks that it dominates. The dominators come from the algorithm of Cooper, Harvey and Kennedy
//! ("A Simple, Fast Dominance Algorithm", 2001), with one change: as a block tells what it refers to, and not what refers
//! to it, an edge moves the dominator of the node that it leads to, instead of each node asking all that lead to it. The
//! first guess is the node from which a depth-first search came, which all dominators lie above.

use super::{Contents, Graph, NONE, ROOT, Stopped, WORD_BYTES};

/// Maximum number of passes over all edges. Two or three are enough for what programs build, unless it changes meanwhile.
const MAX_PASSES: u32 = 32;

/// What the blocks of a call stack keep alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Bytes of its blocks, and of all that is reachable only through one of them.
    pub bytes: u64,
    /// Bytes of its own reachable blocks.
    pub own_bytes: u64,
    /// Its own reachable blocks.
    pub blocks: u64,
    /// Its blocks among the dominators of the node that the walk is at.
    depth: u32,
}

/// The sums of all blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetainedSummary {
    /// Blocks to which a chain of references leads.
    pub reachable_blocks: u64,
    /// Their bytes.
    pub reachable_bytes: u64,
    /// Blocks to which none leads.
    pub unreachable_blocks: u64,
    /// Their bytes.
    pub unreachable_bytes: u64,
    /// Passes over all edges. If there were as many as are allowed, the figures are upper bounds.
    pub passes: u32,
}

impl Graph<'_> {
    /// Adds up what each call stack retains, in the entry with its number; blocks without a stack are in entry 0, and those
    /// of stacks that have no entry are left out.
    pub(crate) fn retained(
        mut self,
        contents: &mut impl Contents,
        by_stack: &mut [Retained],
    ) -> Result<RetainedSummary, Stopped> {
        let count = self.visit_all(contents)?;
        let passes = self.find_dominators(contents, count)?;
        let mut summary = RetainedSummary { passes, ..RetainedSummary::default() };
        for node in self.nodes.iter() {
            let bytes = node.size_bytes() as u64;
            if node.order == NONE {
                summary.unreachable_blocks += 1;
                summary.unreachable_bytes += bytes;
            } else {
                summary.reachable_blocks += 1;
                summary.reachable_bytes += bytes;
            }
        }
        self.add_up(count);
        self.walk_dominators(by_stack);
        Ok(summary)
    }

    /// A depth-first search from the roots: gives each reachable node a parent and its place in post-order. Returns how many
    /// there are.
    fn visit_all(&mut self, contents: &mut impl Contents) -> Result<u32, Stopped> {
        let mut count = 0;
        // The roots' nodes become a list first, as they cannot be read in parts.
        let mut pending = NONE;
        contents.for_each_root(&mut |_, word| {
            if let Some(number) = self.find(word) {
                let node = self.node_mut(number);
                if node.first == NONE {
                    // Any value but none: it is on the list.
                    (node.first, node.next) = (ROOT, pending);
                    pending = number;
                }
            }
        });
        while pending != NONE {
            let root = pending;
            pending = self.node(root).next;
            if self.node(root).parent != NONE {
                continue;
            }
            let mut at = root;
            (self.node_mut(at).parent, self.node_mut(at).value) = (ROOT, 0);
            while at != ROOT {
                if !contents.should_continue() {
                    return Err(Stopped);
                }
                if let Some((place, target)) = self.edge_from(contents, at, self.node(at).value) {
                    self.node_mut(at).value = place + WORD_BYTES;
                    let target_node = self.node_mut(target);
                    if target_node.parent == NONE {
                        (target_node.parent, target_node.value) = (at, 0);
                        at = target;
                    }
                } else {
                    self.node_mut(at).order = count;
                    self.node_mut(count).at_order = at;
                    count += 1;
                    at = self.node(at).parent;
                }
            }
        }
        Ok(count)
    }

    /// Makes each reachable node's parent its immediate dominator. Returns how many passes that took.
    fn find_dominators(&mut self, contents: &mut impl Contents, count: u32) -> Result<u32, Stopped> {
        contents.for_each_root(&mut |_, word| {
            if let Some(number) = self.find(word)
                && self.node(number).order != NONE
            {
                self.node_mut(number).parent = ROOT;
            }
        });
        for pass in 1..=MAX_PASSES {
            let mut has_changed = false;
            for order in (0..count).rev() {
                if !contents.should_continue() {
                    return Err(Stopped);
                }
                let holder = self.node(order).at_order;
                let mut offset = 0;
                while let Some((place, target)) = self.edge_from(contents, holder, offset) {
                    offset = place + WORD_BYTES;
                    // A block that was given a pointer only now may lead to one that was not reachable.
                    if self.node(target).order == NONE {
                        continue;
                    }
                    let known = self.node(target).parent;
                    let common = self.common_dominator(known, holder);
                    if common != known {
                        self.node_mut(target).parent = common;
                        has_changed = true;
                    }
                }
            }
            if !has_changed {
                return Ok(pass);
            }
        }
        Ok(MAX_PASSES)
    }

    /// The nearest node that dominates both. Dominators come later in post-order.
    fn common_dominator(&self, one: u32, other: u32) -> u32 {
        let (mut one, mut other) = (one, other);
        while one != other {
            if one == ROOT || other == ROOT {
                return ROOT;
            }
            if self.node(one).order < self.node(other).order {
                one = self.node(one).parent;
            } else {
                other = self.node(other).parent;
            }
        }
        one
    }

    /// Adds the bytes of each node to those of its dominators, and makes lists of the nodes by dominator.
    fn add_up(&mut self, count: u32) {
        for node in self.nodes.iter_mut() {
            (node.value, node.first, node.next) = (node.size_bytes(), NONE, NONE);
        }
        // In post-order a node comes before its dominator.
        for order in 0..count {
            let number = self.node(order).at_order;
            let (bytes, dominator) = (self.node(number).value, self.node(number).parent);
            if dominator != ROOT {
                let first = self.node(dominator).first;
                self.node_mut(number).next = first;
                let node = self.node_mut(dominator);
                (node.first, node.value) = (number, node.value.saturating_add(bytes));
            }
        }
    }

    /// Walks down the tree of dominators: what a block retains counts for its stack, unless a block of the same stack
    /// retains it as well.
    fn walk_dominators(&mut self, by_stack: &mut [Retained]) {
        for top in 0..self.nodes.len() as u32 {
            if self.node(top).order == NONE || self.node(top).parent != ROOT {
                continue;
            }
            let mut at = top;
            self.enter(at, by_stack);
            while at != ROOT {
                // Those below are taken off the list as they are visited.
                let below = self.node(at).first;
                if below == NONE {
                    self.leave(at, by_stack);
                    at = self.node(at).parent;
                } else {
                    self.node_mut(at).first = self.node(below).next;
                    at = below;
                    self.enter(at, by_stack);
                }
            }
        }
    }

    fn enter(&self, number: u32, by_stack: &mut [Retained]) {
        let node = self.node(number);
        let Some(retained) = by_stack.get_mut(usize::from(node.stack())) else { return };
        if retained.depth == 0 {
            retained.bytes += node.value as u64;
        }
        retained.depth += 1;
        retained.blocks += 1;
        retained.own_bytes += node.size_bytes() as u64;
    }

    fn leave(&self, number: u32, by_stack: &mut [Retained]) {
        if let Some(retained) = by_stack.get_mut(usize::from(self.node(number).stack())) {
            retained.depth -= 1;
        }
    }
}
