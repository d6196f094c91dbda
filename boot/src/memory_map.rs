//! The firmware's memory map as sorted, disjoint plain data, and what of it may be used.

use arrayvec::ArrayVec;

/// Bytes in a frame, the unit of physical memory.
pub const FRAME_SIZE_BYTES: u64 = 4096;

/// Regions that are kept; firmware gives 10 to 60. Those beyond are left out, which only loses memory.
pub(crate) const MOST_REGIONS: usize = 192;

/// A half-open range of physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhysicalRange {
    /// The first address.
    pub start: u64,
    /// The address behind the last.
    pub end: u64,
}

impl PhysicalRange {
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

/// What a region of the memory map is for (Multiboot2 Specification, section 3.6.8).
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

pub(crate) type Regions = ArrayVec<MemoryRegion, MOST_REGIONS>;
pub(crate) type Ranges = ArrayVec<PhysicalRange, MOST_REGIONS>;

/// Puts regions into order. Where two overlap, the one of the more restrictive kind wins.
pub(crate) fn sorted_disjoint(given: &[MemoryRegion]) -> Regions {
    let mut regions = Regions::new();
    // From the most to the least restrictive kind: each adds what no earlier one covers.
    for kind in [
        RegionKind::Reserved,
        RegionKind::Defective,
        RegionKind::AcpiStorage,
        RegionKind::AcpiTables,
        RegionKind::Usable,
    ] {
        for region in given.iter().filter(|region| region.kind == kind) {
            let mut free = Ranges::new();
            let _ = free.try_push(region.range);
            for taken in &regions {
                free = subtract(&free, taken.range);
            }
            for range in free {
                let _ = regions.try_push(MemoryRegion { range, kind });
            }
        }
    }
    regions.sort_unstable_by_key(|region| region.range);
    merged(&regions)
}

/// The same with neighbours of one kind put together.
fn merged(regions: &Regions) -> Regions {
    let mut result = Regions::new();
    for region in regions {
        match result.last_mut() {
            Some(last) if last.kind == region.kind && last.range.end == region.range.start => {
                last.range.end = region.range.end;
            }
            _ => {
                let _ = result.try_push(*region);
            }
        }
    }
    result
}

/// The whole frames of usable memory outside of `taken`: sorted, disjoint, and without frame 0, so that no
/// block ever lies at address 0.
pub(crate) fn usable_frames(regions: &Regions, taken: &[PhysicalRange]) -> Ranges {
    let mut usable = Ranges::new();
    for region in regions.iter().filter(|region| region.kind == RegionKind::Usable) {
        let frames = region.range.whole_frames();
        if frames.start < frames.end {
            let _ = usable.try_push(frames);
        }
    }
    usable = subtract(&usable, PhysicalRange { start: 0, end: FRAME_SIZE_BYTES });
    for range in taken {
        usable = subtract(&usable, range.touched_frames());
    }
    usable
}

/// `ranges` without `hole`. A range that the list has no room for is left out.
fn subtract(ranges: &Ranges, hole: PhysicalRange) -> Ranges {
    let mut result = Ranges::new();
    for range in ranges {
        let below = PhysicalRange { start: range.start, end: range.end.min(hole.start) };
        let above = PhysicalRange { start: range.start.max(hole.end), end: range.end };
        let parts = if hole.start >= hole.end {
            [*range, PhysicalRange { start: 0, end: 0 }]
        } else {
            [below, above]
        };
        for part in parts {
            if part.start < part.end {
                let _ = result.try_push(part);
            }
        }
    }
    result
}
