//! The firmware's memory map as sorted, disjoint plain data, and what of it may be used.

use arrayvec::ArrayVec;
use x86::bits64::paging::PAddr;

use crate::info::LeftOut;

/// Bytes in a frame, the unit of physical memory.
pub const FRAME_SIZE_BYTES: u64 = 4096;

/// Room for regions, and for ranges of frames; firmware gives 10 to 60. One place of these is always free.
pub(crate) const MAX_REGIONS: usize = 192;

/// A half-open range of physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhysicalRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl PhysicalRange {
    /// From `start` up to the byte before `end`.
    pub const fn new(start: PAddr, end: PAddr) -> Self {
        Self { start: start.0, end: end.0 }
    }

    /// The first address.
    pub const fn start(&self) -> PAddr {
        PAddr(self.start)
    }

    /// The address behind the last.
    pub const fn end(&self) -> PAddr {
        PAddr(self.end)
    }

    /// The range's length.
    pub fn size_bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The frames that lie wholly inside.
    fn whole_frames(self) -> Self {
        let start = self.start.checked_next_multiple_of(FRAME_SIZE_BYTES).unwrap_or(u64::MAX);
        Self { start, end: self.end & !(FRAME_SIZE_BYTES - 1) }
    }

    /// The frames that it touches.
    fn touched_frames(self) -> Self {
        let end = self.end.checked_next_multiple_of(FRAME_SIZE_BYTES).unwrap_or(u64::MAX);
        Self { start: self.start & !(FRAME_SIZE_BYTES - 1), end }
    }
}

/// What a region of the memory map is for (Multiboot2 Specification, section 3.6.8), from the least to the most
/// restrictive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegionKind {
    /// Free for the kernel.
    Usable,
    /// ACPI tables; RAM that could be reclaimed when they are read.
    AcpiTables,
    /// ACPI storage that must be kept.
    AcpiStorage,
    /// RAM with defects.
    Defective,
    /// Anything else: devices, firmware.
    Reserved,
}

/// One region of the memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRegion {
    /// Where it lies.
    pub range: PhysicalRange,
    /// What it is for.
    pub kind: RegionKind,
}

/// Puts regions into order; `given` lists them as often as it is called. Where two overlap, the one of the more
/// restrictive kind wins. Where there are too many, some are joined or left out.
pub(crate) fn sorted_disjoint<Given: Iterator<Item = MemoryRegion>>(
    given: impl Fn() -> Given,
    left_out: &mut LeftOut,
) -> ArrayVec<MemoryRegion, MAX_REGIONS> {
    let mut regions = ArrayVec::new();
    let mut start = 0;
    // From each address where a region starts or ends to the next one, all is of one kind.
    loop {
        let (mut kind, mut end) = (None, u64::MAX);
        for region in given().filter(|region| region.range.start < region.range.end) {
            if region.range.start > start {
                end = end.min(region.range.start);
            } else if region.range.end > start {
                end = end.min(region.range.end);
                kind = kind.max(Some(region.kind));
            }
        }
        if let Some(kind) = kind {
            push_or_extend(
                &mut regions,
                MemoryRegion { range: PhysicalRange { start, end }, kind },
                left_out,
            );
        }
        if end == u64::MAX {
            return regions;
        }
        start = end;
    }
}

/// Adds a region above all others.
fn push_or_extend(
    regions: &mut ArrayVec<MemoryRegion, MAX_REGIONS>,
    region: MemoryRegion,
    left_out: &mut LeftOut,
) {
    match regions.last_mut() {
        Some(last) if last.kind == region.kind && last.range.end == region.range.start => {
            last.range.end = region.range.end;
            return;
        }
        _ => regions.push(region),
    }
    if regions.is_full() {
        make_room(regions, left_out);
    }
}

/// Joins two neighbours that are not usable, those with the least between them; where there are none, the smallest usable
/// region goes. So no region is ever dropped that others must keep off.
fn make_room(regions: &mut ArrayVec<MemoryRegion, MAX_REGIONS>, left_out: &mut LeftOut) {
    let neighbours = regions.iter().zip(regions.iter().skip(1)).enumerate();
    let joinable = neighbours.filter(|(_, (below, above))| below.kind.min(above.kind) != RegionKind::Usable);
    let closest = joinable.min_by_key(|(_, (below, above))| {
        (below.kind != above.kind, above.range.start.saturating_sub(below.range.end))
    });
    let Some((number, (_, above))) = closest else {
        // Usable regions are the least of all kinds.
        let removed = remove_smallest(regions, |region| (region.kind, region.range.size_bytes()));
        if let Some(region) = removed {
            left_out.add_usable(region.range);
        }
        return;
    };
    let above = *above;
    if let Some(below) = regions.get_mut(number) {
        below.range.end = above.range.end;
        below.kind = below.kind.max(above.kind);
        regions.remove(number.saturating_add(1));
        left_out.joined_regions = left_out.joined_regions.saturating_add(1);
    }
}

/// The whole frames of usable memory outside of `taken`: sorted, disjoint, and without frame 0, so that no
/// block ever lies at address 0.
pub(crate) fn usable_frames(
    regions: &[MemoryRegion],
    taken: impl Iterator<Item = PhysicalRange>,
    left_out: &mut LeftOut,
) -> ArrayVec<PhysicalRange, MAX_REGIONS> {
    let usable = regions.iter().filter(|region| region.kind == RegionKind::Usable);
    let frames = usable.map(|region| region.range.whole_frames());
    let mut usable = frames.filter(|frames| frames.start < frames.end).take(MAX_REGIONS).collect();
    subtract(&mut usable, PhysicalRange { start: 0, end: FRAME_SIZE_BYTES }, left_out);
    for range in taken.filter(|range| range.start < range.end) {
        subtract(&mut usable, range.touched_frames(), left_out);
    }
    usable
}

/// Takes `hole` out of `ranges`.
fn subtract(ranges: &mut ArrayVec<PhysicalRange, MAX_REGIONS>, hole: PhysicalRange, left_out: &mut LeftOut) {
    let mut split = None;
    for (number, range) in ranges.iter_mut().enumerate() {
        let above = PhysicalRange { start: range.start.max(hole.end), end: range.end };
        if range.start < hole.start && above.start < above.end {
            split = Some((number.saturating_add(1), above));
        }
        // What is left of it: the part below the hole, else the part above.
        if range.start < hole.start {
            range.end = range.end.min(hole.start);
        } else {
            range.start = above.start;
        }
    }
    ranges.retain(|range| range.start < range.end);
    if let Some((number, above)) = split {
        ranges.insert(number, above);
    }
    if ranges.is_full()
        && let Some(range) = remove_smallest(ranges, PhysicalRange::size_bytes)
    {
        left_out.add_usable(range);
    }
}

/// Makes a full list one shorter.
fn remove_smallest<T, K: Ord, const N: usize>(
    list: &mut ArrayVec<T, N>,
    size: impl Fn(&T) -> K,
) -> Option<T> {
    let (number, _) = list.iter().enumerate().min_by_key(|(_, item)| size(item))?;
    list.pop_at(number)
}
