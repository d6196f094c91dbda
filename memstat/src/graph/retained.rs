//! How much memory each call stack keeps alive: what would become unreachable without its blocks.
//!
//! What a block retains is its own size and that of all blocks that it dominates (`dominators`).

use super::{Contents, DominatorError, Edge, Graph, NONE, ROOT};

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
}

impl Graph<'_> {
    /// Adds up what each call stack retains, in the entry with its number; blocks without a stack are in entry 0, and those
    /// of stacks that have no entry are left out.
    pub(crate) fn retained(
        mut self,
        contents: &mut impl Contents,
        edges: &mut [Edge],
        by_stack: &mut [Retained],
    ) -> Result<RetainedSummary, DominatorError> {
        let count = self.find_dominators(contents, edges)?;
        let mut summary = RetainedSummary::default();
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
        self.walk_dominators(count, by_stack);
        Ok(summary)
    }

    /// Adds the bytes of each node to those of its dominators, and makes lists of the nodes by dominator.
    fn add_up(&mut self, count: u32) {
        for node in self.nodes.iter_mut() {
            (node.value, node.first, node.next) = (node.size_bytes(), NONE, NONE);
        }
        // A node comes after its dominator.
        for number in (1..=count).rev() {
            let node = self.in_order(number);
            let (bytes, dominator) = (self.node(node).value, self.node(node).parent);
            if dominator != ROOT {
                self.node_mut(node).next = self.node(dominator).first;
                let dominator = self.node_mut(dominator);
                (dominator.first, dominator.value) = (node, dominator.value.saturating_add(bytes));
            }
        }
    }

    /// Walks down the tree of dominators: what a block retains counts for its stack, unless a block of the same stack
    /// retains it as well.
    fn walk_dominators(&mut self, count: u32, by_stack: &mut [Retained]) {
        for number in 1..=count {
            let mut at = self.in_order(number);
            if self.node(at).parent != ROOT {
                continue;
            }
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

    fn enter(&self, node: u32, by_stack: &mut [Retained]) {
        let node = self.node(node);
        let Some(retained) = by_stack.get_mut(usize::from(node.stack())) else { return };
        if retained.depth == 0 {
            retained.bytes += node.value as u64;
        }
        retained.depth += 1;
        retained.blocks += 1;
        retained.own_bytes += node.size_bytes() as u64;
    }

    fn leave(&self, node: u32, by_stack: &mut [Retained]) {
        if let Some(retained) = by_stack.get_mut(usize::from(self.node(node).stack())) {
            retained.depth -= 1;
        }
    }
}
