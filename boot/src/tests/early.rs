//! Frames for page tables, before there is an allocator of frames.

use crate::{EarlyFrames, FRAME_SIZE_BYTES as PAGE, PAddr, PhysicalRange};

const FOUR_GIB: u64 = 1 << 32;

fn range(first: u64, end: u64) -> PhysicalRange {
    PhysicalRange { start: first * PAGE, end: end * PAGE }
}

#[test]
fn frames_come_from_the_highest_range_that_is_mapped() {
    let mut early = EarlyFrames::empty(PAddr(FOUR_GIB));
    early.fill(&[range(1, 3), range(10, 12), range(FOUR_GIB / PAGE, FOUR_GIB / PAGE + 2)]);
    let taken: Vec<_> = std::iter::from_fn(|| early.take()).map(|frame| frame.as_u64() / PAGE).collect();
    assert_eq!(taken, [11, 10, 2, 1]);
    early.set_mapped_end(PAddr(FOUR_GIB + 2 * PAGE));
    assert_eq!(early.take(), Some(PAddr(FOUR_GIB + PAGE)));
    assert_eq!(early.ranges().map(|range| range.size_bytes()).sum::<u64>(), PAGE);
}

#[test]
fn a_range_that_is_mapped_in_part_gives_frames_from_there() {
    let mut early = EarlyFrames::empty(PAddr(FOUR_GIB));
    early.fill(&[range(1, FOUR_GIB / PAGE + 5)]);
    assert_eq!(early.take(), Some(PAddr(FOUR_GIB - PAGE)));
    assert_eq!(early.ranges().count(), 2);
    assert_eq!(early.drop_from(PAddr(FOUR_GIB)), 5 * PAGE);
    assert_eq!(early.ranges().count(), 1);
}

#[test]
fn just_the_wanted_range_is_taken_or_none() {
    let mut early = EarlyFrames::empty(PAddr(FOUR_GIB));
    early.fill(&[range(10, 20), range(30, 40)]);
    assert!(!early.take_exactly(range(18, 22)));
    assert!(early.take_exactly(range(12, 15)));
    assert!(!early.take_exactly(range(14, 16)));
    let left: Vec<_> = early.ranges().collect();
    assert_eq!(left, [range(10, 12), range(15, 20), range(30, 40)]);
}
