//! Frames before there is an allocator of frames: cut from the ends of the usable ranges.

use arrayvec::ArrayVec;
use boot::{FRAME_SIZE_BYTES, PhysicalRange};

use crate::arch::PAddr;

/// The boot tables reach this far.
const BOOT_MAP_END: u64 = 1 << 32;

/// What is left of the usable ranges.
#[derive(Debug)]
pub(super) struct EarlyFrames {
    ranges: ArrayVec<PhysicalRange, 192>,
}

impl EarlyFrames {
    pub(super) fn new(usable: &[PhysicalRange]) -> Self {
        Self { ranges: usable.iter().copied().take(192).collect() }
    }

    /// A frame below 4 GiB, from the end of the highest range there.
    pub(super) fn take(&mut self) -> Option<PAddr> {
        let range = self
            .ranges
            .iter_mut()
            .rev()
            .find(|range| range.end() <= PAddr(BOOT_MAP_END) && range.size_bytes() > 0)?;
        Some(take_end(range, FRAME_SIZE_BYTES))
    }

    /// `size_bytes` in one piece, rounded up to frames, from the end of the largest range.
    pub(super) fn take_run(&mut self, size_bytes: u64) -> Option<PAddr> {
        let size_bytes = size_bytes.checked_next_multiple_of(FRAME_SIZE_BYTES)?;
        let range = self.ranges.iter_mut().max_by_key(|range| range.size_bytes())?;
        if range.size_bytes() < size_bytes {
            return None;
        }
        Some(take_end(range, size_bytes))
    }

    /// Takes just `wanted`, if all of it is there.
    pub(super) fn take_exactly(&mut self, wanted: PhysicalRange) -> bool {
        let is_around =
            |range: &PhysicalRange| range.start() <= wanted.start() && wanted.end() <= range.end();
        let Some(place) = self.ranges.iter().position(is_around) else { return false };
        let above = PhysicalRange::new(wanted.end(), self.ranges[place].end());
        if self.ranges.try_insert(place + 1, above).is_err() {
            return false;
        }
        self.ranges[place] = PhysicalRange::new(self.ranges[place].start(), wanted.start());
        true
    }

    /// The ranges that are left.
    pub(super) fn into_ranges(self) -> impl Iterator<Item = PhysicalRange> {
        self.ranges.into_iter().filter(|range| range.size_bytes() > 0)
    }
}

/// Takes so many bytes from a range that has them, and says where they start.
fn take_end(range: &mut PhysicalRange, size_bytes: u64) -> PAddr {
    let start = range.end() - size_bytes;
    *range = PhysicalRange::new(range.start(), start);
    start
}
