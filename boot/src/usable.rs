//! The frames that the kernel may use: usable memory of the memory map that is neither in use nor too scattered.

use arrayvec::ArrayVec;

use crate::left_out::LeftOut;
use crate::memory_map::{
    FRAME_SIZE_BYTES, ForEach, MAX_REGIONS, MemoryRegion, PhysicalRange, RegionKind, remove_smallest, sweep,
};

/// Physical addresses that the kernel has room for in its half of the address space: 64 TiB.
pub const REACH_END: u64 = 1 << 46;
/// Unit of the check for scattered memory: an area of this size with too little memory is left out.
const AREA_BYTES: u64 = 1 << 30;
/// Minimum memory in an area. Page tables and frame data of a separate area take some 80 KiB.
const MIN_AREA_BYTES: u64 = 256 << 10;

/// Sorted, disjoint ranges of whole frames.
pub(crate) type Ranges = ArrayVec<PhysicalRange, MAX_REGIONS>;

/// The state of a span of addresses, from the least to the most restrictive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Free,
    Taken,
}

/// Fills `usable` with the frames that may be used, and counts in `left_out` the memory that does not fit into the list, is
/// out of reach, or is too scattered.
///
/// `regions` were made from the given ones by [`crate::memory_map`]. All usable memory of the given ones is counted, in
/// `usable` or `left_out`. Frame 0 is in neither, so that no block is at address 0.
pub(crate) fn find(
    for_each_given: ForEach<'_, MemoryRegion>,
    regions: &[MemoryRegion],
    for_each_taken: ForEach<'_, PhysicalRange>,
    usable: &mut Ranges,
    left_out: &mut LeftOut,
) {
    usable.clear();
    let (mut given_bytes, mut beyond_bytes) = (0_u64, 0_u64);
    for_each_free(for_each_given, for_each_taken, &mut |range| {
        given_bytes = given_bytes.saturating_add(range.size_bytes());
    });
    let for_each_region = |visit: &mut dyn FnMut(MemoryRegion)| regions.iter().copied().for_each(visit);
    for_each_free(&for_each_region, for_each_taken, &mut |range| {
        let beyond = PhysicalRange { start: range.start.max(REACH_END), end: range.end };
        beyond_bytes = beyond_bytes.saturating_add(beyond.size_bytes());
        let range = PhysicalRange { start: range.start, end: range.end.min(REACH_END) };
        if range.start < range.end {
            usable.push(range);
        }
        if usable.is_full() {
            let dropped = remove_smallest(usable, PhysicalRange::size_bytes);
            let bytes = dropped.map_or(0, |range| range.size_bytes());
            left_out.ranges_bytes = left_out.ranges_bytes.saturating_add(bytes);
        }
    });
    let used_bytes = usable.iter().map(PhysicalRange::size_bytes).fold(0, u64::saturating_add);
    left_out.beyond_reach_bytes = beyond_bytes;
    left_out.usable_bytes = given_bytes.saturating_sub(used_bytes).saturating_sub(beyond_bytes);
    drop_scattered(usable, left_out);
}

/// Passes the frames that are wholly in usable regions and touch nothing else to `visit`, in ranges that are not
/// adjacent.
fn for_each_free(
    for_each_region: ForEach<'_, MemoryRegion>,
    for_each_taken: ForEach<'_, PhysicalRange>,
    visit: &mut dyn FnMut(PhysicalRange),
) {
    let for_each_part = |part: &mut dyn FnMut((PhysicalRange, Use))| {
        part((PhysicalRange { start: 0, end: FRAME_SIZE_BYTES }, Use::Taken));
        for_each_region(&mut |region| {
            part(match region.kind {
                RegionKind::Usable => (region.range, Use::Free),
                _ => (region.range.touched_frames(), Use::Taken),
            });
        });
        for_each_taken(&mut |range| {
            if range.start < range.end {
                part((range.touched_frames(), Use::Taken));
            }
        });
    };
    let mut last = PhysicalRange { start: 0, end: 0 };
    let mut visit_whole = |range: PhysicalRange| {
        let range = range.whole_frames();
        if range.start < range.end {
            visit(range);
        }
    };
    sweep(&for_each_part, &mut |range, is| {
        if is == Use::Taken {
            return;
        }
        if range.start == last.end {
            last.end = range.end;
        } else {
            visit_whole(last);
            last = range;
        }
    });
    visit_whole(last);
}

/// Drops the ranges of areas with too little memory.
fn drop_scattered(usable: &mut Ranges, left_out: &mut LeftOut) {
    let area = |address: u64| address / AREA_BYTES;
    let mut at = 0;
    while let Some(first) = usable.get(at).copied() {
        let area_end = area(first.start).saturating_add(1).saturating_mul(AREA_BYTES);
        let inside = usable.iter().skip(at).take_while(|range| range.start < area_end);
        let (count, last_end) =
            inside.fold((0_usize, 0), |(count, _), range| (count.saturating_add(1), range.end));
        let inside = usable.iter().skip(at).take(count);
        let bytes = inside.map(PhysicalRange::size_bytes).fold(0, u64::saturating_add);
        // A range that reaches into a neighbouring area shares that area's page tables.
        let is_joined = last_end > area_end
            || at
                .checked_sub(1)
                .and_then(|below| usable.get(below))
                .is_some_and(|range| area(first.start) == area(range.end));
        if bytes < MIN_AREA_BYTES && !is_joined {
            left_out.scattered_bytes = left_out.scattered_bytes.saturating_add(bytes);
            usable.drain(at..at.saturating_add(count));
        } else {
            at = at.saturating_add(count);
        }
    }
}
