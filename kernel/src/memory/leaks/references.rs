//! References between blocks: who holds an address, why a block is reachable, and what each call stack keeps alive.
//!
//! The roots are those of scans for leaks. Tables are in pages of their own, so the heap stays as it is.

use core::hint::black_box;
use core::ops::Range;

use memstat::{Chain, DominatorError, Edge, Node, Record, Reference, Retained, RetainedSummary};

use super::roots::roots;
use crate::arch::{cpu, stacks};
use crate::memory::heap::tracker;
use crate::memory::pages::scratch::Scratch;

/// Interrupt handlers may allocate after the blocks and references were counted.
const SPARE: usize = 64;
/// References for which there is room at first, for each block.
const EDGES_PER_BLOCK: usize = 2;

/// An address that somebody asks about. It is kept inverted, so that no copy of it on the stack counts as a reference.
#[derive(Clone, Copy)]
pub(crate) struct Target(usize);

impl Target {
    pub(crate) fn of(address: usize) -> Self {
        Self(!address)
    }

    pub(crate) fn address(self) -> usize {
        !self.0
    }

    /// The live block that contains the address.
    pub(crate) fn block(self) -> Option<Record> {
        tracker().blocks().containing(self.address())
    }

    /// Where the block starts that contains the address, or the address itself if there is none.
    #[inline(never)]
    pub(crate) fn start(self) -> Self {
        self.block().map_or(self, |block| Self::of(block.address()))
    }

    /// The addresses that refer to the same block, or the address alone if there is none.
    fn span(self) -> Range<usize> {
        let (start, size_bytes) =
            self.block().map_or((self.address(), 1), |block| (block.address(), block.size_bytes().max(1)));
        start..start.saturating_add(size_bytes)
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No pages for the tables.
    OutOfMemory,
    /// `should_continue` returned false.
    Stopped,
}

impl From<memstat::Stopped> for Failure {
    fn from(_: memstat::Stopped) -> Self {
        Self::Stopped
    }
}

// Each of the functions below has an inner one: its frame lies below the stack that is a root, so the addresses in it
// are no references.

/// Passes each word that holds an address of the target's block to `visit`, until that returns false.
#[inline(never)]
pub(crate) fn find(target: Target, visit: &mut dyn FnMut(Reference) -> bool) {
    // The next frames reuse stack of earlier calls, whose remains are not references.
    stacks::clear_unused();
    let registers = cpu::kept_registers();
    let roots = roots(cpu::stack_pointer());
    find_from(&roots, target, visit);
    // Keeps the registers' copies on the stack until the search is over.
    black_box(&registers);
}

#[inline(never)]
fn find_from(roots: &[Range<usize>], target: Target, visit: &mut dyn FnMut(Reference) -> bool) {
    // SAFETY: variables and stacks are mapped and stay so; the pages that guard the stacks are left out.
    unsafe { tracker().references().find(&target.span(), roots, visit) };
}

/// The shortest chain of references to the target's block, in `nodes`; `None` if there is none.
///
/// # Errors
///
/// [`Failure::Stopped`]
#[inline(never)]
pub(crate) fn chain<'n>(
    target: Target,
    nodes: &'n mut [Node],
    should_continue: &mut dyn FnMut() -> bool,
) -> Result<Option<Chain<'n>>, Failure> {
    stacks::clear_unused();
    let registers = cpu::kept_registers();
    let roots = roots(cpu::stack_pointer());
    let chain = chain_from(&roots, target, nodes, should_continue);
    black_box(&registers);
    chain
}

#[inline(never)]
fn chain_from<'n>(
    roots: &[Range<usize>],
    target: Target,
    nodes: &'n mut [Node],
    should_continue: &mut dyn FnMut() -> bool,
) -> Result<Option<Chain<'n>>, Failure> {
    // SAFETY: as in `find_from`.
    let chain = unsafe { tracker().references().chain(target.address(), roots, nodes, should_continue) };
    Ok(chain?)
}

/// What each call stack keeps alive, by its number, and the sums.
///
/// # Errors
///
/// [`Failure`]
#[inline(never)]
pub(crate) fn retained(
    should_continue: &mut dyn FnMut() -> bool,
) -> Result<(Scratch<Retained>, RetainedSummary), Failure> {
    stacks::clear_unused();
    let registers = cpu::kept_registers();
    let roots = roots(cpu::stack_pointer());
    let retained = retained_from(&roots, should_continue);
    black_box(&registers);
    retained
}

#[inline(never)]
fn retained_from(
    roots: &[Range<usize>],
    should_continue: &mut dyn FnMut() -> bool,
) -> Result<(Scratch<Retained>, RetainedSummary), Failure> {
    let stacks = usize::from(tracker().stacks().count());
    let mut by_stack = Scratch::new(stacks + 1, Retained::default).ok_or(Failure::OutOfMemory)?;
    let mut nodes = nodes()?;
    let (nodes, entries) = (nodes.as_mut_slice(), by_stack.as_mut_slice());
    let mut edge_count = nodes.len() * EDGES_PER_BLOCK;
    loop {
        let mut edges = Scratch::new(edge_count, || Edge::EMPTY).ok_or(Failure::OutOfMemory)?;
        let edges = edges.as_mut_slice();
        // SAFETY: as in `find_from`.
        let summary =
            unsafe { tracker().references().retained(roots, nodes, edges, entries, &mut *should_continue) };
        match summary {
            Ok(summary) => return Ok((by_stack, summary)),
            Err(DominatorError::Stopped) => return Err(Failure::Stopped),
            Err(DominatorError::TooManyEdges(needed)) => edge_count = needed + SPARE,
        }
    }
}

/// Room for all live blocks.
///
/// # Errors
///
/// [`Failure::OutOfMemory`]
pub(crate) fn nodes() -> Result<Scratch<Node>, Failure> {
    Scratch::new(tracker().blocks().count() + SPARE, || Node::EMPTY).ok_or(Failure::OutOfMemory)
}
