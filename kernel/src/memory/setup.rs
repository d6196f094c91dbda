//! Sets memory up on this machine: address space, frames, heap; and registers the hooks.
//!
//! The lower layers know nothing of the higher ones: they have hooks, whose functions are registered here.

use core::fmt;
use core::ptr::NonNull;

use boot::{BootInfo, EarlyFrames, PhysicalRange};
use config::Config;
use tally_heap::{Heap, PAGE_BYTES, PageAllocator, PageNumber, PageSpan, PageWords};

use super::balance::{self, BootPages};
use super::heap::{self, tracker};
use super::page_accounting::{self, HeapPages, Purpose};
use super::page_tracker::page_tracker;
use super::pages::{buffers, device_buffers, persistent};
use super::report::{self, invalid_access};
use super::{failures, platform, shrinkers};
use crate::arch::devices::{self, SharedPages};
use crate::arch::paging::{self, OutOfFrames, sparse};
use crate::arch::{direct_map, exceptions};

/// Why memory could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryError {
    /// No frames for page tables.
    PageTables,
    /// No frames for the metadata of the frames.
    Metadata,
}

impl fmt::Display for MemoryError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageTables => write!(out, "no frames for page tables"),
            Self::Metadata => write!(out, "no frames for their metadata"),
        }
    }
}

/// Builds the address space, adds all usable memory to the frames, and starts the heap of the chosen kind. Memory is
/// reserved for the black box, which survives a restart, if there is to be one.
pub(crate) fn init(info: &'static BootInfo, config: &Config) -> Result<(), MemoryError> {
    let mut early = EarlyFrames::empty(paging::BOOT_MAP_END);
    early.fill(&info.usable);
    let region = if config.has_black_box { persistent::choose(&info.regions, &info.usable) } else { None };
    let region = region.filter(|place| early.take_exactly(*place));
    super::whatis::start(info);
    platform::report_to(report::REPORTS);
    shrinkers::register(|| tracker().reclaim());
    shrinkers::register(|| page_tracker().reclaim());
    failures::HEAP.on_arm(|is_armed| tracker().set_fault_injection(is_armed));
    devices::take_frames_from(page_accounting::take_table_frame);
    devices::share_pages_of(SharedPages { take: device_buffers::take, give: device_buffers::give });
    exceptions::on_page_fault(invalid_access::explain);
    paging::init(&info.regions, &mut || early.take()).map_err(|_| MemoryError::PageTables)?;
    let (metadata, boot_pages) = reach(info, &mut early)?;
    balance::start(&info.ram, &info.left_out, boot_pages);

    // SAFETY: the metadata was just made for this; the ranges are mapped, nobody else's, and apart.
    let words = unsafe {
        page_accounting::start(&info.usable, config.page_level(), |frames| {
            frames.init(&metadata.span, metadata.start);
            for range in early.ranges() {
                frames.add(&pages_of(range));
            }
        });
        PageWords::new(&metadata.span, metadata.start.add(metadata.words_offset).cast())
    };
    if let Some(place) = region {
        page_accounting::count_taken(persistent::REGION_BYTES / PAGE_BYTES, Purpose::Persistent);
        // SAFETY: taken from the usable ranges before anybody got them, and mapped as all RAM is.
        unsafe { persistent::start(place) };
    }
    heap::start(Heap::new(config.heap, HeapPages, words));
    buffers::reserve();
    Ok(())
}

/// The metadata of the pages in the sparse window: that of the frames, then that of the heap.
struct Metadata {
    /// From the first page to the last, with the gaps between.
    span: PageSpan,
    start: NonNull<u8>,
    words_offset: usize,
}

impl Metadata {
    fn of(span: PageSpan) -> Option<Self> {
        let start = NonNull::new(sparse::SPARSE_WINDOW.as_mut_ptr())?;
        let words_offset = PageAllocator::metadata_bytes(&span);
        let size_bytes = words_offset + PageWords::size_bytes(&span);
        (size_bytes <= sparse::SPARSE_WINDOW_BYTES).then_some(Self { span, start, words_offset })
    }

    /// Commits memory for the metadata of some pages.
    fn commit(&self, pages: &PageSpan, early: &mut EarlyFrames) -> Result<(), OutOfFrames> {
        let words = PageWords::part(&self.span, pages);
        let words = self.words_offset + words.start..self.words_offset + words.end;
        let parts = PageAllocator::metadata_parts(&self.span, pages).into_iter().chain([words]);
        parts.into_iter().try_for_each(|part| sparse::commit(part, &mut || early.take()))
    }
}

/// Maps all usable memory and commits its metadata, from the lowest range up: once a range is mapped, its frames can be
/// used for the page tables of the next. Memory for which there are no frames is left out. Says what that took, too.
fn reach(info: &BootInfo, early: &mut EarlyFrames) -> Result<(Metadata, BootPages), MemoryError> {
    let ends = info.usable.first().zip(info.usable.last());
    let metadata = ends
        .map(|(first, last)| pages_of(PhysicalRange::new(first.start(), last.end())))
        .and_then(Metadata::of)
        .ok_or(MemoryError::Metadata)?;
    sparse::open(&mut || early.take()).map_err(|_| MemoryError::PageTables)?;
    let (mut metadata_pages, mut dropped_bytes) = (0, 0);
    let mut number = 0;
    while let Some(range) = early.range(number) {
        number += 1;
        // Page tables of lower ranges may have used it up.
        if range.size_bytes() == 0 {
            continue;
        }
        let is_mapped =
            range.end() <= paging::BOOT_MAP_END || paging::map_ram(range, &mut || early.take()).is_ok();
        if is_mapped {
            early.set_mapped_end(range.end().max(paging::BOOT_MAP_END));
        }
        let taken_before = early.taken_frames();
        let is_described = is_mapped && metadata.commit(&pages_of(range), early).is_ok();
        metadata_pages += early.taken_frames() - taken_before;
        if !is_described {
            let bytes = early.drop_from(range.start());
            dropped_bytes += bytes;
            log::warn!(
                "memory: {bytes} bytes from {:#x} on are not used: no frames for page tables",
                range.start()
            );
        }
    }
    early.ranges().next().ok_or(MemoryError::Metadata)?;
    let page_table_pages = early.taken_frames() - metadata_pages;
    Ok((metadata, BootPages { page_table_pages, metadata_pages, dropped_bytes }))
}

/// The pages of the direct map for a range.
fn pages_of(range: PhysicalRange) -> PageSpan {
    let page = |physical| PageNumber::of(direct_map::to_virtual(physical).as_ptr::<u8>());
    PageSpan::new(page(range.start()), page(range.end()))
}
