//! The early frame allocator: takes frames from the ends of the usable ranges.
//!
//! They are used for page tables and for the data of the frame allocator. Only mapped memory is handed out.

use arrayvec::ArrayVec;

use crate::PAddr;
use crate::memory_map::{FRAME_SIZE_BYTES, MAX_REGIONS, PhysicalRange};

/// All usable ranges, two of which may be split.
const MAX_RANGES: usize = MAX_REGIONS + 2;

/// The remaining usable ranges.
#[derive(Debug)]
pub struct EarlyFrames {
    ranges: ArrayVec<PhysicalRange, MAX_RANGES>,
    /// Memory from here on is not mapped yet.
    mapped_end: u64,
    taken_frames: u64,
}

impl EarlyFrames {
    /// An allocator without frames; memory below `mapped_end` is mapped.
    pub const fn empty(mapped_end: PAddr) -> Self {
        Self { ranges: ArrayVec::new_const(), mapped_end: mapped_end.0, taken_frames: 0 }
    }

    /// Adds the usable ranges, which are sorted and disjoint. A partly mapped range becomes two.
    pub fn fill(&mut self, usable: &[PhysicalRange]) {
        for range in usable {
            let middle = self.mapped_end.clamp(range.start, range.end);
            for (start, end) in [(range.start, middle), (middle, range.end)] {
                if start < end {
                    // There is room for all ranges of boot information.
                    let _ = self.ranges.try_push(PhysicalRange { start, end });
                }
            }
        }
    }

    /// Sets the end of mapped memory.
    pub fn set_mapped_end(&mut self, end: PAddr) {
        self.mapped_end = end.0;
    }

    /// Takes a mapped frame, from the end of the highest range; `None` if there is none.
    pub fn take(&mut self) -> Option<PAddr> {
        let mapped = self.ranges.iter_mut().rev().filter(|range| range.end <= self.mapped_end);
        let range = mapped.into_iter().find(|range| range.size_bytes() >= FRAME_SIZE_BYTES)?;
        range.end = range.end.checked_sub(FRAME_SIZE_BYTES)?;
        self.taken_frames = self.taken_frames.saturating_add(1);
        Some(PAddr(range.end))
    }

    /// Frames that [`EarlyFrames::take`] has handed out.
    pub fn taken_frames(&self) -> u64 {
        self.taken_frames
    }

    /// Takes exactly `wanted`; false if a part of it is not free.
    pub fn take_exactly(&mut self, wanted: PhysicalRange) -> bool {
        let is_around = |range: &PhysicalRange| range.start <= wanted.start && wanted.end <= range.end;
        let found = self.ranges.iter_mut().enumerate().find(|(_, range)| is_around(range));
        let Some((place, range)) = found else { return false };
        let below = PhysicalRange { start: range.start, end: wanted.start };
        let above = PhysicalRange { start: wanted.end, end: range.end };
        *range = below;
        self.ranges.try_insert(place.saturating_add(1), above).is_ok()
    }

    /// Drops all ranges that begin at `start` or above, and returns their size in bytes.
    pub fn drop_from(&mut self, start: PAddr) -> u64 {
        let dropped = self.ranges.iter_mut().filter(|range| range.start >= start.0);
        dropped.fold(0, |sum: u64, range| {
            let bytes = range.size_bytes();
            range.end = range.start;
            sum.saturating_add(bytes)
        })
    }

    /// The range with this number, counted from below; it may be empty.
    pub fn range(&self, number: usize) -> Option<PhysicalRange> {
        self.ranges.get(number).copied()
    }

    /// The remaining ranges.
    pub fn ranges(&self) -> impl Iterator<Item = PhysicalRange> {
        self.ranges.iter().copied().filter(|range| range.start < range.end)
    }
}
