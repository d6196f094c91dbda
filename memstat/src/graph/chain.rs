//! Why a block is reachable: the shortest chain of references from a root to it, by a breadth-first search.

use super::{Contents, Graph, NONE, Node, ROOT, Stopped};

/// A chain of references, from a root to a block. Each item is a block of it.
#[derive(Clone, Debug)]
pub struct Chain<'n> {
    nodes: &'n [Node],
    next: u32,
    previous: u32,
}

/// A block of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where the block starts.
    pub address: usize,
    /// Its size in bytes, as requested.
    pub size_bytes: usize,
    /// The address of the word that refers to it: in a root for the first block, in the block before for the others.
    pub held_at: usize,
}

impl Iterator for Chain<'_> {
    type Item = Link;

    fn next(&mut self) -> Option<Link> {
        let node = self.nodes.get(self.next as usize)?;
        let holder = self.nodes.get(self.previous as usize).map_or(0, Node::address);
        self.previous = self.next;
        self.next = node.next;
        Some(Link { address: node.address(), size_bytes: node.size_bytes(), held_at: holder + node.value })
    }
}

impl<'n> Graph<'n> {
    /// The shortest chain to node `target`; `None` if no root leads there.
    pub(crate) fn chain(
        mut self,
        contents: &mut impl Contents,
        target: u32,
    ) -> Result<Option<Chain<'n>>, Stopped> {
        let mut queue = Queue { first: NONE, last: NONE };
        self.search(contents, &mut queue, target)?;
        if self.node(target).parent == NONE {
            return Ok(None);
        }
        // The parents lead back to the root; each is now given the next one of the chain.
        let (mut at, mut next) = (target, NONE);
        while at != ROOT {
            let node = self.node_mut(at);
            node.next = next;
            (at, next) = (node.parent, at);
        }
        Ok(Some(Chain { nodes: self.nodes, next, previous: NONE }))
    }

    /// Gives each node that is found its parent, until `target` has one.
    fn search(
        &mut self,
        contents: &mut impl Contents,
        queue: &mut Queue,
        target: u32,
    ) -> Result<(), Stopped> {
        contents.for_each_root(&mut |place, word| {
            if let Some(number) = self.find(word) {
                self.note(queue, number, ROOT, place);
            }
        });
        while self.node(target).parent == NONE {
            let Some(holder) = queue.pop(self.nodes) else { break };
            if !contents.should_continue() {
                return Err(Stopped);
            }
            let mut offset = 0;
            while let Some((place, number)) = self.edge_from(contents, holder, offset) {
                self.note(queue, number, holder, place);
                offset = place + size_of::<usize>();
            }
        }
        Ok(())
    }

    fn note(&mut self, queue: &mut Queue, number: u32, parent: u32, place: usize) {
        let node = self.node_mut(number);
        if node.parent == NONE {
            (node.parent, node.value) = (parent, place);
            queue.push(self.nodes, number);
        }
    }
}

/// The nodes that are to be read, as a list through them.
struct Queue {
    first: u32,
    last: u32,
}

impl Queue {
    fn push(&mut self, nodes: &mut [Node], number: u32) {
        match nodes.get_mut(self.last as usize) {
            Some(last) => last.next = number,
            None => self.first = number,
        }
        self.last = number;
    }

    fn pop(&mut self, nodes: &[Node]) -> Option<u32> {
        let number = self.first;
        self.first = nodes.get(number as usize)?.next;
        if self.first == NONE {
            self.last = NONE;
        }
        Some(number)
    }
}
