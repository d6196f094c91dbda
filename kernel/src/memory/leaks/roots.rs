//! The roots of the leak scan, and of other searches for references (`references`): where references to blocks are
//! searched.
//!
//! The roots are `.data` and `.bss`, the caller's stack from its frame up, and the callee-saved registers. The trackers' own
//! variables hold the addresses of blocks and pages, so they are left out; so are unused stacks, with the remains of finished
//! calls.
//!
//! Pages taken from the frames are not scanned, unless they are blocks of the heap: files' bytes, text of open
//! files, the tracker's arena, the index of names, page tables. None of them holds references to blocks.

use core::hint::black_box;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

use arrayvec::ArrayVec;
use memstat::{ScanError, ScanSummary};
use tally_heap::PAGE_BYTES;

use crate::arch::{VAddr, cpu, image, stacks};
use crate::memory::heap::{self, tracker};
use crate::memory::page_tracker;

/// Maximum number of root ranges.
const MAX_ROOTS: usize = 16;
/// Maximum number of ranges of variables that are left out.
const MAX_HIDDEN: usize = 10;

static IS_STACK_A_ROOT: AtomicBool = AtomicBool::new(true);

/// Whether stack and registers are scanned; true by default.
pub(crate) fn set_stack(is_root: bool) {
    IS_STACK_A_ROOT.store(is_root, Ordering::Relaxed);
}

/// Scans for leaks. `should_continue` is called every few thousand words, with no lock held.
#[inline(never)]
pub(crate) fn scan(should_continue: &mut dyn FnMut() -> bool) -> Result<ScanSummary, ScanError> {
    // The next frames reuse stack of earlier calls, whose remains are not references.
    stacks::clear_unused();
    scan_from_here(should_continue)
}

#[inline(never)]
fn scan_from_here(should_continue: &mut dyn FnMut() -> bool) -> Result<ScanSummary, ScanError> {
    let registers = cpu::kept_registers();
    let roots = roots(cpu::stack_pointer());
    // SAFETY: variables and stacks are mapped and stay so; the pages that guard the stacks are left out.
    let scanned = unsafe { tracker().leaks().scan(&roots, should_continue) };
    // Keeps the registers' copies on the stack until the scan is over.
    black_box(&registers);
    scanned
}

/// The roots of a caller with this stack pointer.
pub(super) fn roots(stack_pointer: VAddr) -> ArrayVec<Range<usize>, MAX_ROOTS> {
    let guarded_stacks = stacks::all().map(|stack| stack.start - PAGE_BYTES..stack.end);
    let mut hidden: ArrayVec<Range<VAddr>, MAX_HIDDEN> =
        heap::own_statics().into_iter().chain(page_tracker::own_statics()).chain(guarded_stacks).collect();
    hidden.sort_unstable_by_key(|span| span.start);
    let mut roots = ArrayVec::new();
    let mut add = |start: VAddr, end: VAddr| roots.push(start.as_usize()..end.as_usize());
    for section in [image::data(), image::bss()] {
        let mut from = section.start;
        for span in hidden.iter().filter(|span| section.contains(&span.start)) {
            add(from, span.start);
            from = span.end;
        }
        add(from, section.end);
    }
    if IS_STACK_A_ROOT.load(Ordering::Relaxed)
        && let Some(stack) = stacks::containing(stack_pointer)
    {
        add(stack_pointer, stack.end);
    }
    roots
}
