//! The scan for runs of pages that nobody refers to any more.
//!
//! A run is in use as long as its owner's table says so: the heap's map of pages, the bitmap of files and pipes, the page
//! tables, the arenas' lists. Such runs are not searched for. All others, buffers and pages of drivers, must be referred to
//! by an address: in a variable, on the stack, or in another run that is in use. Blocks of the heap may hold such
//! addresses, too; they are read only if something seems lost otherwise.

use core::hint::black_box;
use core::ops::Range;
use core::ptr::NonNull;

use memstat::{Reach, Record, ScanError, ScanSummary};

use super::roots::roots;
use crate::arch::{cpu, stacks};
use crate::memory::Purpose;
use crate::memory::page_accounting::purpose_of;
use crate::memory::page_tracker::page_tracker;
use crate::memory::pages::files;

/// Records that are read at once.
const AT_ONCE: usize = 32;

/// Scans for lost runs. As long as something seems lost that the heap may refer to, that is read as well. The rest is as
/// for `roots::scan`.
#[inline(never)]
pub(crate) fn scan(should_continue: &mut dyn FnMut() -> bool) -> Result<ScanSummary, ScanError> {
    sort_by_owner(Reach::Ignored);
    stacks::clear_unused();
    let scanned = scan_from_here(should_continue)?;
    if scanned.suspects == 0 && scanned.leaks == 0 {
        return Ok(scanned);
    }
    sort_by_owner(Reach::NotLeak);
    stacks::clear_unused();
    scan_from_here(should_continue)
}

#[inline(never)]
fn scan_from_here(should_continue: &mut dyn FnMut() -> bool) -> Result<ScanSummary, ScanError> {
    let registers = cpu::kept_registers();
    let roots = roots(cpu::stack_pointer());
    let scanned = scan_roots(&roots, should_continue);
    // Keeps the registers' copies on the stack until the scan is over.
    black_box(&registers);
    scanned
}

#[inline(never)]
fn scan_roots(
    roots: &[Range<usize>],
    should_continue: &mut dyn FnMut() -> bool,
) -> Result<ScanSummary, ScanError> {
    // SAFETY: variables and stacks are mapped and stay so; the pages that guard the stacks are left out.
    unsafe { page_tracker().leaks().scan(roots, should_continue) }
}

/// Says of each run whether it is searched for, and read. `of_heap` is for the heap's.
#[inline(never)]
fn sort_by_owner(of_heap: Reach) {
    let mut records = [Record::EMPTY; AT_ONCE];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = page_tracker().blocks().read(from, &mut records);
        for record in records.iter().take(count) {
            if let Some(run) = NonNull::new(record.address() as *mut u8) {
                judge(run, record.reach(), of_heap);
            }
        }
        cursor = next;
    }
    // No address of a run stays on the stack.
    records.fill(Record::EMPTY);
    black_box(&records);
}

fn judge(run: NonNull<u8>, before: Reach, of_heap: Reach) {
    let wanted = match purpose_of(run.as_ptr() as usize) {
        Some(Purpose::Heap) => of_heap,
        Some(Purpose::GuardPages) => Reach::NotLeak,
        Some(Purpose::Arena | Purpose::Names | Purpose::PageTables | Purpose::Persistent) => Reach::Ignored,
        Some(Purpose::Files | Purpose::Buffers) if files::owns(run) => Reach::Ignored,
        Some(Purpose::Files | Purpose::Buffers | Purpose::Drivers) | None => Reach::Plain,
    };
    match wanted {
        Reach::Ignored => page_tracker().leaks().ignore(run),
        Reach::NotLeak => page_tracker().leaks().not_leak(run),
        _ if matches!(before, Reach::Ignored | Reach::NotLeak) => page_tracker().leaks().examine(run),
        _ => true,
    };
}
