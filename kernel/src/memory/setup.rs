//! Setting memory up on this machine: address space, frames, heap; and which hooks are called from here on.
//!
//! What is below knows nothing of what is above: it has hooks, and here they get their functions.

use core::fmt;
use core::ptr::NonNull;

use boot::{BootInfo, PhysicalRange};
use tally_heap::frames::Frames;
use tally_heap::{Heap, Kind, PAGE_BYTES, PageNumber, PageSpan, PageWords};

use super::early::EarlyFrames;
use super::heap::{self, tracker};
use super::page_accounting::{self, HeapPages, Purpose};
use super::pages::{buffers, persistent};
use super::report::{self, invalid_access};
use super::{failures, platform, shrinkers};
use crate::arch::{PAddr, devices, direct_map, exceptions, paging};

/// Why memory could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryError {
    /// No frames for page tables.
    PageTables,
    /// No room for what describes the frames.
    Metadata {
        /// The bytes wanted.
        size_bytes: usize,
    },
}

impl fmt::Display for MemoryError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageTables => write!(out, "no frames for page tables"),
            Self::Metadata { size_bytes } => {
                write!(out, "no {size_bytes} bytes in one piece to describe the frames")
            }
        }
    }
}

/// Builds the address space, takes all usable memory in, and starts the heap of the kind that was chosen. `is_kept`: some
/// of it is for what outlives a restart.
pub(crate) fn init(info: &BootInfo, kind: Kind, is_kept: bool) -> Result<(), MemoryError> {
    let mut early = EarlyFrames::new(&info.usable);
    let region = if is_kept { persistent::choose(&info.regions, &info.usable) } else { None };
    let region = region.filter(|place| early.take_exactly(*place));
    platform::report_to(report::REPORTS);
    shrinkers::register(|| tracker().reclaim());
    failures::HEAP.on_arm(|is_armed| tracker().set_fault_injection(is_armed));
    devices::take_frames_from(page_accounting::take_table_frame);
    exceptions::on_page_fault(invalid_access::explain);
    paging::init(&info.regions, &mut || early.take()).map_err(|_| MemoryError::PageTables)?;

    let start = info.usable.first().map_or(PAddr::zero(), PhysicalRange::start);
    let end = info.usable.last().map_or(PAddr::zero(), PhysicalRange::end);
    let managed = pages_of(PhysicalRange::new(start, end));
    let frames_bytes = Frames::metadata_bytes(&managed);
    let size_bytes = frames_bytes + PageWords::size_bytes(&managed);
    let metadata = early.take_run(size_bytes as u64).map(direct_map::to_virtual);
    let metadata = metadata
        .and_then(|start| NonNull::new(start.as_mut_ptr::<u8>()))
        .ok_or(MemoryError::Metadata { size_bytes })?;

    // SAFETY: the metadata was just taken for this; the ranges are mapped, nobody else's, and apart.
    let words = unsafe {
        page_accounting::start(managed, |frames| {
            frames.init(&managed, metadata);
            for range in early.into_ranges() {
                frames.add(&pages_of(range));
            }
        });
        PageWords::new(&managed, metadata.add(frames_bytes).cast())
    };
    if let Some(place) = region {
        page_accounting::count_taken(persistent::REGION_BYTES / PAGE_BYTES, Purpose::Persistent);
        // SAFETY: taken from the usable ranges before anybody got them, and mapped as all RAM is.
        unsafe { persistent::start(place) };
    }
    heap::start(Heap::new(kind, HeapPages, words));
    buffers::reserve();
    Ok(())
}

/// Where the direct map has the frames of a range.
fn pages_of(range: PhysicalRange) -> PageSpan {
    let page = |physical| PageNumber::of(direct_map::to_virtual(physical).as_ptr::<u8>());
    PageSpan::new(page(range.start()), page(range.end()))
}
