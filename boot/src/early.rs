//! Frames before there is an allocator of frames: cut from the ends of the usable ranges.
//!
//! Page tables and what describes the frames are made of them. Only memory that is mapped already can be had.

use arrayvec::ArrayVec;

use crate::PAddr;
use crate::memory_map::{FRAME_SIZE_BYTES, MAX_REGIONS, PhysicalRange};

/// All usable ranges, of which two may have been split.
const MAX_RANGES: usize = MAX_REGIONS + 2;

/// What is left of the usable ranges.
#[derive(Debug)]
pub struct EarlyFrames {
    ranges: ArrayVec<PhysicalRange, MAX_RANGES>,
    /// What lies above is not mapped yet.
    mapped_end: u64,
}

impl EarlyFrames {
    /// No frames, while everything below `mapped_end` is mapped.
    pub const fn empty(mapped_end: PAddr) -> Self {
        Self { ranges: ArrayVec::new_const(), mapped_end: mapped_end.0 }
    }

    /// Adds the usable ranges, sorted and disjoint; one that is mapped in part counts as two.
    pub fn fill(&mut self, usable: &[PhysicalRange]) {
        for range in usable {
            let middle = self.mapped_end.clamp(range.start, range.end);
            for (start, end) in [(range.start, middle), (middle, range.end)] {
                if start < end {
                    // There is room for as many as boot information has.
                    let _ = self.ranges.try_push(PhysicalRange { start, end });
                }
            }
        }
    }

    /// What is mapped now ends at `end`.
    pub fn set_mapped_end(&mut self, end: PAddr) {
        self.mapped_end = end.0;
    }

    /// A frame that is mapped, from the end of the highest range.
    pub fn take(&mut self) -> Option<PAddr> {
        let mapped = self.ranges.iter_mut().rev().filter(|range| range.end <= self.mapped_end);
        let range = mapped.into_iter().find(|range| range.size_bytes() >= FRAME_SIZE_BYTES)?;
        range.end = range.end.checked_sub(FRAME_SIZE_BYTES)?;
        Some(PAddr(range.end))
    }

    /// Takes just `wanted`, if all of it is there.
    pub fn take_exactly(&mut self, wanted: PhysicalRange) -> bool {
        let is_around = |range: &PhysicalRange| range.start <= wanted.start && wanted.end <= range.end;
        let found = self.ranges.iter_mut().enumerate().find(|(_, range)| is_around(range));
        let Some((place, range)) = found else { return false };
        let below = PhysicalRange { start: range.start, end: wanted.start };
        let above = PhysicalRange { start: wanted.end, end: range.end };
        *range = below;
        self.ranges.try_insert(place.saturating_add(1), above).is_ok()
    }

    /// Does without all frames from `start` on, and says how many bytes they have.
    pub fn drop_from(&mut self, start: PAddr) -> u64 {
        let dropped = self.ranges.iter_mut().filter(|range| range.start >= start.0);
        dropped.fold(0, |sum: u64, range| {
            let bytes = range.size_bytes();
            range.end = range.start;
            sum.saturating_add(bytes)
        })
    }

    /// The range with a number, from below; it may be empty by now.
    pub fn range(&self, number: usize) -> Option<PhysicalRange> {
        self.ranges.get(number).copied()
    }

    /// The ranges that are left.
    pub fn ranges(&self) -> impl Iterator<Item = PhysicalRange> {
        self.ranges.iter().copied().filter(|range| range.start < range.end)
    }
}
