//! From a memory map to pages and blocks, for any memory map: the boot information is read, early frames are used for page
//! tables and metadata, and the page frame allocator takes over the rest, as the kernel does at boot.
//!
//! Only pages of the map are handed out, each page that is not is counted, and nothing is written where there is no
//! memory: the addresses are the host's, and only what the kernel would have mapped can be accessed.

use std::collections::BTreeSet;
use std::ptr::NonNull;

use boot::{BootInfo, EarlyFrames, PAddr, PhysicalRange};
use memstat::{Backend, Location};
use proptest::prelude::*;
use tally_heap::frames::{Frames, MAX_ORDER};
use tally_heap::{Heap, Kind, PAGE_BYTES, PageNumber, PageSource, PageSpan, PageWords};

use crate::common::Reserved;

const PAGE: u64 = PAGE_BYTES as u64;
const FOUR_GIB: u64 = 1 << 32;
/// The kernel's image.
const IMAGE: (u64, u64) = (1 << 20, 3 << 20);
const USABLE: u32 = 1;
/// Memory starts at a multiple of this, as in the kernel: twice the largest zone.
const ALIGN_BYTES: usize = 1 << 37;

/// A range of addresses, and what it is as the loader says it.
type Area = (u64, u64, u32);

fn tag(kind: u32, contents: &[u8]) -> Vec<u8> {
    let mut bytes = [kind, contents.len() as u32 + 8].map(u32::to_le_bytes).concat();
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// Boot information with a memory map and modules, as a loader leaves it.
fn information(areas: &[Area], modules: &[(u64, u64)]) -> Vec<u64> {
    let mut map = [24_u32, 0].map(u32::to_le_bytes).concat();
    for (start, size_bytes, kind) in areas {
        map.extend([*start, *size_bytes, u64::from(*kind)].map(u64::to_le_bytes).concat());
    }
    let mut bytes = vec![0; 8];
    bytes.extend(tag(6, &map));
    for (start, end) in modules {
        bytes.extend(tag(3, &[*start as u32, *end as u32].map(u32::to_le_bytes).concat()));
    }
    bytes.extend(tag(0, &[]));
    let size_bytes = bytes.len() as u32;
    bytes[..4].copy_from_slice(&size_bytes.to_le_bytes());
    bytes.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
}

/// Ranges of pages that are sorted and apart.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pages(Vec<(u64, u64)>);

impl Pages {
    /// Any ranges; those that touch are joined.
    fn new(mut ranges: Vec<(u64, u64)>) -> Self {
        ranges.retain(|(start, end)| start < end);
        ranges.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (start, end) in ranges {
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        Self(joined)
    }

    /// What of these is in no range of `others`.
    fn without(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        let mut others = others.0.iter().peekable();
        for &(mut start, end) in &self.0 {
            while others.next_if(|other| other.1 <= start).is_some() {}
            let mut ahead = others.clone();
            while let Some(other) = ahead.next_if(|other| other.0 < end) {
                left.push((start, other.0.max(start)));
                start = other.1;
            }
            left.push((start, end));
        }
        Self::new(left)
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }
}

/// The pages that a map gives: wholly usable, touched by nothing else, and not the first one.
fn given(areas: &[Area], taken: &[(u64, u64)]) -> Pages {
    let usable = areas.iter().filter(|area| area.2 == USABLE).map(|area| (area.0, area.0 + area.1)).collect();
    // Reserved bytes take their pages; then what is left of the usable bytes gives whole pages.
    let touched = |start: u64, end: u64| (start / PAGE, if start < end { end.div_ceil(PAGE) } else { 0 });
    let others = areas.iter().filter(|area| area.2 != USABLE).map(|area| touched(area.0, area.0 + area.1));
    let taken = taken.iter().map(|(start, end)| touched(*start, *end));
    let not_ours = Pages::new(others.chain(taken).chain([(0, 1)]).collect());
    let whole = Pages::new(usable).0.into_iter().map(|(start, end)| (start.div_ceil(PAGE), end / PAGE));
    Pages::new(whole.collect()).without(&not_ours)
}

/// A machine as the kernel sees it after `memory::init`.
struct Booted {
    ram: Reserved,
    /// The metadata of its pages; kept as long as it is used.
    _metadata: Reserved,
    frames: Frames,
    words: Option<PageWords>,
    early: Vec<u64>,
    left_out_bytes: u64,
}

/// Frames that page tables take here and there: as many for each range as the kernel may need.
const TABLES: usize = 6;

fn boot(areas: &[Area], modules: &[(u64, u64)], ram_bytes: u64) -> Option<Booted> {
    let information = information(areas, modules);
    let bytes: Vec<u8> = information.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut aligned = vec![0_u64; information.len()];
    aligned.copy_from_slice(&information);
    // SAFETY: the same bytes, at an address that is a multiple of 8.
    let aligned = unsafe { std::slice::from_raw_parts(aligned.as_ptr().cast::<u8>(), bytes.len()) };
    let mut info = Box::new(BootInfo::EMPTY);
    info.read(aligned, &[PhysicalRange::new(PAddr(IMAGE.0), PAddr(IMAGE.1))]).ok()?;
    // Every byte is counted once, before there are frames.
    let left_out =
        [info.left_out.ranges_bytes, info.left_out.scattered_bytes, info.left_out.beyond_reach_bytes];
    let usable_bytes = info.usable.iter().map(PhysicalRange::size_bytes).chain(left_out).sum::<u64>();
    assert_eq!(usable_bytes + info.ram.held_bytes(), info.ram.system_bytes);

    let ram = Reserved::new(ram_bytes as usize, ALIGN_BYTES.min(ram_bytes as usize), false).unwrap();
    let page = |address: PAddr| PageNumber::of(ram.start().as_ptr().wrapping_add(address.as_usize()));
    let span_of = |range: &PhysicalRange| PageSpan::new(page(range.start()), page(range.end()));
    let open = |range: &PhysicalRange| ram.open(range.start().as_usize()..range.end().as_usize());
    let all = PhysicalRange::new(info.usable.first()?.start(), info.usable.last()?.end());
    let all = span_of(&all);
    let words_offset = Frames::metadata_bytes(&all);
    let metadata = Reserved::new(words_offset + PageWords::size_bytes(&all), PAGE_BYTES, true).unwrap();

    let mut early = EarlyFrames::empty(PAddr(FOUR_GIB));
    early.fill(&info.usable);
    let mut taken = Vec::new();
    let mut take = |early: &mut EarlyFrames, mapped_end: u64| {
        let frame = early.take()?.as_u64();
        assert!(frame + PAGE <= mapped_end, "a frame at {frame:#x} is not mapped yet");
        taken.push(frame / PAGE);
        Some(())
    };
    let mut described = BTreeSet::new();
    let (mut number, mut mapped_end, mut dropped_bytes) = (0, FOUR_GIB, 0);
    while let Some(range) = early.range(number) {
        number += 1;
        // What was below may have used it up.
        if range.size_bytes() == 0 {
            continue;
        }
        let mut describe = || {
            (0..TABLES).try_for_each(|_| take(&mut early, mapped_end))?;
            mapped_end = mapped_end.max(range.end().as_u64());
            early.set_mapped_end(PAddr(mapped_end));
            open(&range);
            let pages = span_of(&range);
            let words = PageWords::part(&all, &pages);
            let words = words_offset + words.start..words_offset + words.end;
            for part in Frames::metadata_parts(&all, &pages).into_iter().chain([words]) {
                for page in part.start / PAGE_BYTES..part.end.div_ceil(PAGE_BYTES) {
                    if described.insert(page) {
                        take(&mut early, mapped_end)?;
                        metadata.open(page * PAGE_BYTES..page * PAGE_BYTES + 1);
                    }
                }
            }
            Some(())
        };
        if describe().is_none() {
            dropped_bytes += early.drop_from(range.start());
        }
    }
    let mut frames = Frames::empty();
    // SAFETY: the metadata reads as zeros and can be written where pages are; these are the test's own.
    let words = unsafe {
        frames.init(&all, metadata.start());
        early.ranges().for_each(|range| frames.add(&span_of(&range)));
        PageWords::new(&all, metadata.start().add(words_offset).cast())
    };
    let left_out_bytes = info.left_out.bytes() + dropped_bytes;
    Some(Booted { ram, _metadata: metadata, frames, words: Some(words), early: taken, left_out_bytes })
}

impl Booted {
    fn physical(&self, block: NonNull<u8>) -> u64 {
        (block.as_ptr() as usize - self.ram.start().as_ptr() as usize) as u64
    }

    /// Takes everything, the largest blocks first.
    fn take_all(&mut self) -> Vec<(NonNull<u8>, u32)> {
        let mut taken = Vec::new();
        for order in (0..=MAX_ORDER).rev() {
            taken.extend(std::iter::from_fn(|| self.frames.take(order)).map(|block| (block, order)));
        }
        taken
    }
}

/// The frames of a machine as a source of pages.
struct Source<'a>(&'a mut Frames);

// SAFETY: the frames hand out each page once, aligned to the block's size.
unsafe impl PageSource for Source<'_> {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        self.0.take(order)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        // SAFETY: upheld by the caller.
        unsafe { self.0.give(pages, order) }.unwrap();
    }
}

/// Blocks come and go, and an address where nothing is belongs to no block.
fn heap_works(machine: &mut Booted, addresses: &[u64]) -> Result<(), TestCaseError> {
    let words = machine.words.take().unwrap();
    let start = machine.ram.start().as_ptr();
    let free_pages = machine.frames.free_pages();
    if free_pages < 64 {
        return Ok(());
    }
    let mut heap = Heap::new(Kind::Slab, Source(&mut machine.frames), words);
    let layouts = [64, 3000, 40_000].map(|bytes| std::alloc::Layout::from_size_align(bytes, 16).unwrap());
    let blocks: Vec<_> = layouts.iter().filter_map(|layout| heap.allocate(*layout)).collect();
    prop_assert_eq!(blocks.len(), layouts.len());
    for address in addresses {
        let address = start.wrapping_add(*address as usize) as usize;
        let is_in_block = blocks.iter().any(|block| {
            let first = block.as_ptr().cast::<u8>() as usize;
            (first..first + block.len()).contains(&address)
        });
        let is_live = matches!(heap.locate(address), Location::Live { .. });
        prop_assert!(!is_live || is_in_block);
    }
    for block in blocks {
        // SAFETY: live, and nobody uses it.
        let freed = unsafe { heap.deallocate_unsized(block.cast()) };
        prop_assert!(freed.is_some());
    }
    heap.trim();
    prop_assert_eq!(machine.frames.free_pages(), free_pages);
    Ok(())
}

/// From the map to the frames and back: each page of `given` is handed out, was taken early, or is counted as left out.
fn every_page_is_accounted_for(
    areas: &[Area],
    modules: &[(u64, u64)],
    ram_bytes: u64,
) -> Result<(), TestCaseError> {
    let mut taken = modules.to_vec();
    taken.push(IMAGE);
    let given = given(areas, &taken);
    let Some(mut machine) = boot(areas, modules, ram_bytes) else {
        // Nothing to boot with: so little, or so far apart, that it is not worth its page tables.
        prop_assert!(given.0.iter().all(|(start, end)| end - start < 64 || *start * PAGE >= 1 << 46));
        return Ok(());
    };
    let probes: Vec<u64> =
        areas.iter().flat_map(|area| [area.0, area.0 + area.1]).filter(|end| *end < ram_bytes).collect();
    heap_works(&mut machine, &probes)?;

    let free_pages = machine.frames.free_pages();
    let at_start = machine.frames.free_blocks();
    let blocks = machine.take_all();
    prop_assert_eq!(machine.frames.free_pages(), 0);
    let mut handed_out: Vec<(u64, u64)> = blocks
        .iter()
        .map(|(block, _)| machine.physical(*block) / PAGE)
        .zip(&blocks)
        .map(|(first, (_, order))| (first, first + (1 << order)))
        .collect();
    handed_out.extend(machine.early.iter().map(|frame| (*frame, frame + 1)));
    let pages: u64 = handed_out.iter().map(|(start, end)| end - start).sum();
    prop_assert_eq!(pages, (free_pages + machine.early.len()) as u64);
    let handed_out = Pages::new(handed_out);
    prop_assert_eq!(handed_out.count(), pages, "something was handed out twice");
    prop_assert_eq!(handed_out.without(&given), Pages::default(), "not the machine's to give");
    prop_assert_eq!(pages + machine.left_out_bytes / PAGE, given.count(), "something is lost");
    for (block, order) in blocks {
        // SAFETY: taken before; nobody uses it.
        let given_back = unsafe { machine.frames.give(block, order) };
        prop_assert!(given_back.is_ok());
    }
    prop_assert_eq!(machine.frames.free_blocks(), at_start);
    Ok(())
}

/// Where an area starts: near others, anywhere in 64 TiB, or at the end of what can be reached.
fn area() -> impl Strategy<Value = Area> {
    let start = prop_oneof![
        4 => 0_u64..1 << 28,
        2 => 0_u64..1 << 34,
        3 => 0_u64..1 << 46,
        1 => (1_u64 << 46) - (1 << 20)..(1 << 46) + (1 << 20),
    ];
    let size_bytes = prop_oneof![
        1 => 0_u64..3 * PAGE,
        3 => 0_u64..1 << 20,
        2 => 0_u64..1 << 28,
        1 => 0_u64..1 << 36,
    ];
    let kind = prop_oneof![3 => Just(USABLE), 1 => 2_u32..6];
    // Half of them begin and end where pages do.
    (start, size_bytes, kind, any::<bool>()).prop_map(|(start, size_bytes, kind, is_whole)| {
        let mask = if is_whole { !(PAGE - 1) } else { u64::MAX };
        (start & mask, size_bytes & mask, kind)
    })
}

/// As far as physical addresses of a test's machine reach: all 64 TiB, or what a tool that runs the test has room for.
fn reach_bytes() -> u64 {
    let reach = [46, 40, 36, 32].into_iter().map(|log2| 1_u64 << log2);
    reach
        .into_iter()
        .find(|bytes| Reserved::new(*bytes as usize, ALIGN_BYTES.min(*bytes as usize), false).is_some())
        .unwrap()
}

/// Random maps that are tried; `MAP_CASES` asks for others.
fn cases() -> u32 {
    std::env::var("MAP_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(25)
}

fn within(areas: &[Area], reach_bytes: u64) -> Vec<Area> {
    let is_all = reach_bytes == 1 << 46;
    areas.iter().filter(|area| is_all || area.0 + area.1 < reach_bytes).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_memory_map_is_handed_out_exactly(
        areas in prop_oneof![prop::collection::vec(area(), 0..40), prop::collection::vec(area(), 500..1024)],
        modules in prop::collection::vec((0_u64..1 << 28, 0_u64..1 << 16), 0..120),
    ) {
        let reach_bytes = reach_bytes();
        // Without some memory below 4 GiB a machine has nothing to boot with.
        let mut areas = within(&areas, reach_bytes);
        areas.push((IMAGE.0, 64 << 20, USABLE));
        let modules: Vec<_> = modules.iter().map(|(start, size_bytes)| (*start, start + size_bytes)).collect();
        every_page_is_accounted_for(&areas, &modules, reach_bytes)?;
    }
}

#[test]
fn memory_at_one_tebibyte_is_handed_out() {
    const MIB: u64 = 1 << 20;
    for high_bytes in [MIB, 2048 * MIB] {
        let areas = [(0, 0x9_fc00, USABLE), (MIB, 255 * MIB, USABLE), (1 << 40, high_bytes, USABLE)];
        if within(&areas, reach_bytes()).len() < areas.len() {
            return;
        }
        every_page_is_accounted_for(&areas, &[], 1 << 41).unwrap();
        let machine = boot(&areas, &[], 1 << 41).unwrap();
        // What describes a page takes 12 bytes, and at another place some pages for tables.
        let most = (256 * MIB + high_bytes) / PAGE * 12 / PAGE + 64;
        assert!((machine.early.len() as u64) < most, "{} frames are taken early", machine.early.len());
    }
}
