//! Setting memory up on this machine: address space, frames, heap; and who is asked and told of what, from here on.
//!
//! What is below knows nothing of what is above: it has hooks, and here they get their functions.

use core::fmt;

use boot::BootInfo;

use super::early::EarlyFrames;
use super::frames::{Frames, PAGE_BYTES};
use super::heap::{self, tracker};
use super::heaps::{Heap, Kind, PageWords};
use super::page_accounting::{self, HeapPages, Purpose};
use super::pages::{buffers, kept};
use super::report::{self, invalid_access};
use super::{failures, platform, shrinkers};
use crate::arch::paging::{self, DIRECT_MAP};
use crate::arch::{devices, exceptions};

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
    let kept = if is_kept { kept::choose(&info.regions, &info.usable) } else { None };
    let kept = kept.filter(|place| early.take_exactly(*place));
    platform::report_to(report::REPORTS);
    shrinkers::register(|| tracker().reclaim());
    failures::HEAP.on_arm(|is_armed| tracker().set_fault_injection(is_armed));
    devices::take_frames_from(page_accounting::take_table_frame);
    exceptions::on_page_fault(invalid_access::explain);
    paging::init(&info.regions, &mut || early.take()).map_err(|_| MemoryError::PageTables)?;

    let start = info.usable.first().map_or(0, |range| range.start as usize) + DIRECT_MAP;
    let end = info.usable.last().map_or(0, |range| range.end as usize) + DIRECT_MAP;
    let frames_bytes = Frames::metadata_bytes(start, end);
    let size_bytes = frames_bytes + PageWords::size_bytes(start, end);
    let metadata = early.take_run(size_bytes as u64).ok_or(MemoryError::Metadata { size_bytes })?;
    let metadata = (metadata as usize + DIRECT_MAP) as *mut u8;

    // SAFETY: the metadata was just taken for this; the ranges are mapped, nobody else's, and apart.
    let words = unsafe {
        page_accounting::start(start..end, |frames| {
            frames.init(start, end, metadata);
            for range in early.into_ranges() {
                frames.add(range.start as usize + DIRECT_MAP, range.end as usize + DIRECT_MAP);
            }
        });
        PageWords::new(start, end, metadata.add(frames_bytes).cast())
    };
    if let Some(place) = kept {
        page_accounting::count_taken(kept::REGION_BYTES / PAGE_BYTES, Purpose::Kept);
        // SAFETY: taken from the usable ranges before anybody got them, and mapped as all RAM is.
        unsafe { kept::start(place.start as usize + DIRECT_MAP) };
    }
    heap::start(Heap::new(kind, HeapPages, words));
    buffers::reserve();
    Ok(())
}
