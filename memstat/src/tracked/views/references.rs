//! References between live blocks: who holds an address, why a block is reachable, what each call stack keeps alive.

use core::ops::Range;

use super::Tracked;
use crate::backend::Backend;
use crate::graph::{
    Chain, Contents, DominatorError, Edge, Graph, Node, Retained, RetainedSummary, Stopped, WORDS_AT_ONCE,
};
use crate::platform::Platform;
use crate::record::Record;

const WORD_BYTES: usize = size_of::<usize>();
/// Records that are read in one critical section.
const RECORDS_AT_ONCE: usize = 32;

/// The references in a tracked heap. From [`Tracked::references`].
///
/// As in scans for leaks, an aligned word in a root or in a live block that holds an address inside a block is a reference
/// to it; a number that only looks like an address counts, too. Roots are ranges of addresses, such as the program's
/// variables and stacks.
#[derive(Debug)]
pub struct ReferencesView<'a, B: Backend, P>(pub(super) &'a Tracked<B, P>);

/// A word that holds an address.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// Where the word is.
    pub place: usize,
    /// The address that it holds.
    pub target: usize,
    /// The block that the word is in; `None` for one in a root.
    pub holder: Option<Record>,
}

impl<B: Backend, P: Platform> ReferencesView<'_, B, P> {
    /// Passes each word of the roots and of live blocks that holds an address in `target` to `visit`, until that returns
    /// false. A block that is allocated or freed meanwhile may be missed.
    ///
    /// # Safety
    ///
    /// All bytes of the roots can be read until this returns.
    pub unsafe fn find(
        &self,
        target: &Range<usize>,
        roots: &[Range<usize>],
        mut visit: impl FnMut(Reference) -> bool,
    ) {
        let mut goes_on = true;
        for_each_word(roots, &mut |place, word| {
            if target.contains(&word) && goes_on {
                goes_on = visit(Reference { place, target: word, holder: None });
            }
        });
        let mut records = [Record::EMPTY; RECORDS_AT_ONCE];
        let mut cursor = Some(0);
        while let Some(from) = cursor.filter(|_| goes_on) {
            let (count, next) = self.0.blocks().read(from, &mut records);
            cursor = next;
            for record in records.iter().take(count) {
                self.find_in_block(target, record, &mut |reference| {
                    goes_on = goes_on && visit(reference);
                });
            }
        }
    }

    fn find_in_block(&self, target: &Range<usize>, record: &Record, visit: &mut dyn FnMut(Reference)) {
        let node = Node::of(record);
        let mut words = [0; WORDS_AT_ONCE];
        let mut offset = record.address().wrapping_neg() % WORD_BYTES;
        loop {
            let count = self.read_words(&node, offset, &mut words);
            for word in words.iter().take(count) {
                if target.contains(word) {
                    let place = record.address() + offset;
                    visit(Reference { place, target: *word, holder: Some(*record) });
                }
                offset += WORD_BYTES;
            }
            if count < WORDS_AT_ONCE {
                return;
            }
        }
    }

    /// The shortest chain of references from a root to the block that contains `address`; `None` if there is none, which is
    /// a leak, or no such block. `nodes` has room for all live blocks, or else those that it has no room for are not in the
    /// graph; `should_continue` is called for each block.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if `should_continue` returned false.
    ///
    /// # Safety
    ///
    /// All bytes of the roots can be read until this returns.
    pub unsafe fn chain<'n>(
        &self,
        address: usize,
        roots: &[Range<usize>],
        nodes: &'n mut [Node],
        should_continue: impl FnMut() -> bool,
    ) -> Result<Option<Chain<'n>>, Stopped> {
        let graph = self.graph(nodes);
        let Some(target) = graph.find(address) else { return Ok(None) };
        graph.chain(&mut Heap { view: self, roots, should_continue }, target)
    }

    /// What each call stack keeps alive, in the entry of `by_stack` with its number: the bytes that would become
    /// unreachable without its blocks. Entry 0 has the blocks without a stack. `nodes` and `should_continue` are as for
    /// [`ReferencesView::chain`]; `edges` has room for all references between blocks.
    ///
    /// # Errors
    ///
    /// [`DominatorError`]: `should_continue` returned false, or `edges` is too short. Then the entries mean nothing.
    ///
    /// # Safety
    ///
    /// All bytes of the roots can be read until this returns.
    pub unsafe fn retained(
        &self,
        roots: &[Range<usize>],
        nodes: &mut [Node],
        edges: &mut [Edge],
        by_stack: &mut [Retained],
        should_continue: impl FnMut() -> bool,
    ) -> Result<RetainedSummary, DominatorError> {
        by_stack.fill(Retained::default());
        self.graph(nodes).retained(&mut Heap { view: self, roots, should_continue }, edges, by_stack)
    }

    /// Makes nodes of all live blocks.
    fn graph<'n>(&self, nodes: &'n mut [Node]) -> Graph<'n> {
        let mut records = [Record::EMPTY; RECORDS_AT_ONCE];
        let mut length = 0;
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (count, next) = self.0.blocks().read(from, &mut records);
            cursor = next;
            for (node, record) in nodes.iter_mut().skip(length).zip(records.iter().take(count)) {
                *node = Node::of(record);
                length += 1;
            }
        }
        let (used, _) = nodes.split_at_mut(length);
        Graph::new(used)
    }

    fn read_words(&self, node: &Node, offset: usize, words: &mut [usize; WORDS_AT_ONCE]) -> usize {
        let inner = self.0.enter();
        let Some(record) = inner.live.get(node.address()).filter(|record| node.is_of(record)) else {
            return 0;
        };
        let count = record.size_bytes().saturating_sub(offset) / WORD_BYTES;
        let count = count.min(WORDS_AT_ONCE);
        for (number, word) in words.iter_mut().take(count).enumerate() {
            let address = record.address() + offset + number * WORD_BYTES;
            // SAFETY: aligned, as `offset` is chosen so, and inside a live block, which stays while the lock is held. Any
            // contents are a valid number; the read is volatile, so that the compiler assumes nothing about memory that
            // was never written.
            *word = unsafe { (address as *const usize).read_volatile() };
        }
        count
    }
}

/// The words of the heap and of the roots. Made only where the roots can be read.
struct Heap<'a, B: Backend, P, C> {
    view: &'a ReferencesView<'a, B, P>,
    roots: &'a [Range<usize>],
    should_continue: C,
}

impl<B: Backend, P: Platform, C: FnMut() -> bool> Contents for Heap<'_, B, P, C> {
    fn read(&self, node: &Node, offset: usize, words: &mut [usize; WORDS_AT_ONCE]) -> usize {
        if node.is_leaf() { 0 } else { self.view.read_words(node, offset, words) }
    }

    fn for_each_root(&self, visit: &mut dyn FnMut(usize, usize)) {
        for_each_word(self.roots, visit);
    }

    fn should_continue(&mut self) -> bool {
        (self.should_continue)()
    }
}

/// Passes each aligned word of the roots, which can be read, to `visit`, with its address.
fn for_each_word(roots: &[Range<usize>], visit: &mut dyn FnMut(usize, usize)) {
    for root in roots {
        let places = (root.start.next_multiple_of(WORD_BYTES)..root.end).step_by(WORD_BYTES);
        for place in places.filter(|place| root.end - place >= WORD_BYTES) {
            // SAFETY: aligned, and inside a root, which can be read, as the callers of the view's functions have promised.
            // The read is volatile, as the word may be one that the program is about to write.
            visit(place, unsafe { (place as *const usize).read_volatile() });
        }
    }
}
