//! The firmware's memory map as sorted, disjoint regions. `usable` finds what the kernel may use of it.

use arrayvec::ArrayVec;
use x86::bits64::paging::PAddr;

use crate::left_out::LeftOut;

/// Bytes in a frame, the unit of physical memory.
pub const FRAME_SIZE_BYTES: u64 = 4096;

/// Room for regions, and for ranges of frames: 1,024, where firmware has 10 to 60. The last slot is always free.
pub(crate) const MAX_REGIONS: usize = 1025;

/// A half-open range of physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhysicalRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl PhysicalRange {
    /// The range from `start` up to, but not including, `end`.
    pub const fn new(start: PAddr, end: PAddr) -> Self {
        Self { start: start.0, end: end.0 }
    }

    /// The first address.
    pub const fn start(&self) -> PAddr {
        PAddr(self.start)
    }

    /// The address after the last byte.
    pub const fn end(&self) -> PAddr {
        PAddr(self.end)
    }

    /// The range's length.
    pub fn size_bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The frames that lie wholly inside.
    pub(crate) fn whole_frames(self) -> Self {
        let start = self.start.checked_next_multiple_of(FRAME_SIZE_BYTES).unwrap_or(u64::MAX);
        Self { start, end: self.end & !(FRAME_SIZE_BYTES - 1) }
    }

    /// The frames that it touches.
    pub(crate) fn touched_frames(self) -> Self {
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

/// A function that passes each item to a callback, and can be called repeatedly. Not an iterator: the names of nested
/// iterator types would be most of the kernel's debug information.
pub(crate) type ForEach<'a, T> = &'a dyn Fn(&mut dyn FnMut(T));

/// Passes each span between neighbouring starts and ends of ranges to `visit`, in ascending order, with the greatest label
/// of the ranges that contain it.
///
/// Each step goes through all ranges, so the time grows with the square of their number. There is no memory yet to sort
/// more ranges than fit into a list, and firmware has less than a hundred.
pub(crate) fn sweep<L: Copy + Ord>(
    for_each: ForEach<'_, (PhysicalRange, L)>,
    visit: &mut dyn FnMut(PhysicalRange, L),
) {
    let mut start = 0;
    loop {
        let (mut greatest, mut end) = (None, u64::MAX);
        for_each(&mut |(range, label)| {
            if range.start >= range.end {
            } else if range.start > start {
                end = end.min(range.start);
            } else if range.end > start {
                end = end.min(range.end);
                greatest = greatest.max(Some(label));
            }
        });
        if let Some(label) = greatest {
            visit(PhysicalRange { start, end }, label);
        }
        if end == u64::MAX {
            return;
        }
        start = end;
    }
}

/// Sorts regions and removes overlaps, where the more restrictive kind wins. If there are too many, some that are not
/// usable are joined; if none can be joined, usable ones are dropped.
pub(crate) fn sorted_disjoint(
    for_each: ForEach<'_, MemoryRegion>,
    regions: &mut ArrayVec<MemoryRegion, MAX_REGIONS>,
    left_out: &mut LeftOut,
) {
    regions.clear();
    sweep(&|visit| for_each(&mut |region| visit((region.range, region.kind))), &mut |range, kind| {
        push_or_extend(regions, MemoryRegion { range, kind }, left_out);
    });
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

/// Joins the two closest neighbours that are not usable; if there are none, drops the smallest usable region. So no
/// reserved region is ever dropped.
fn make_room(regions: &mut ArrayVec<MemoryRegion, MAX_REGIONS>, left_out: &mut LeftOut) {
    let neighbours = regions.iter().zip(regions.iter().skip(1)).enumerate();
    let joinable = neighbours.filter(|(_, (below, above))| below.kind.min(above.kind) != RegionKind::Usable);
    let closest = joinable.min_by_key(|(_, (below, above))| {
        (below.kind != above.kind, above.range.start.saturating_sub(below.range.end))
    });
    let Some((number, (_, above))) = closest else {
        // `Usable` is the smallest kind, so a usable region is removed.
        remove_smallest(regions, |region| (region.kind, region.range.size_bytes()));
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

/// Removes the item with the smallest size.
pub(crate) fn remove_smallest<T, K: Ord, const N: usize>(
    list: &mut ArrayVec<T, N>,
    size: impl Fn(&T) -> K,
) -> Option<T> {
    let (number, _) = list.iter().enumerate().min_by_key(|(_, item)| size(item))?;
    list.pop_at(number)
}
