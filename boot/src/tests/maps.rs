//! Memory far up and in pieces: what is used, and what is left out and counted.

use super::{information, memory_map, parse};
use crate::{BootInfo, FRAME_SIZE_BYTES as PAGE, PhysicalRange, REACH_END};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

fn used(info: &BootInfo) -> Vec<(u64, u64)> {
    info.usable.iter().map(|range| (range.start, range.size_bytes())).collect()
}

fn read(areas: &[(u64, u64)]) -> Box<BootInfo> {
    let areas: Vec<_> = areas.iter().map(|&(start, size_bytes)| (start, size_bytes, 1)).collect();
    parse(&information(&[memory_map(&areas)]), &[]).unwrap()
}

#[test]
fn a_mebibyte_far_up_is_used() {
    let info = read(&[(MIB, 255 * MIB), (TIB, MIB)]);
    assert_eq!(used(&info), [(MIB, 255 * MIB), (TIB, MIB)]);
    assert!(info.left_out.is_nothing());
}

#[test]
fn a_few_pages_far_up_cost_more_than_they_give() {
    let info = read(&[(PAGE, 64 * PAGE), (MIB, 255 * MIB), (TIB, 20 * PAGE), (TIB + 40 * PAGE, 30 * PAGE)]);
    assert_eq!(used(&info), [(PAGE, 64 * PAGE), (MIB, 255 * MIB)]);
    assert_eq!(info.left_out.scattered_bytes, 50 * PAGE);
    let reported =
        "204800 bytes of usable memory in pieces too small and scattered to be worth their page tables";
    assert_eq!(info.left_out.to_string(), reported);
}

#[test]
fn a_few_pages_beside_others_are_used() {
    // In the same GiB before and after much memory, and after the end of a GiB that memory reaches across.
    let areas = [
        (TIB - 2 * PAGE, PAGE),
        (TIB - MIB, MIB / 2),
        (TIB + GIB - MIB, 2 * MIB),
        (TIB + GIB + 2 * MIB, PAGE),
    ];
    let mut all = vec![(MIB, 255 * MIB)];
    all.extend(areas);
    let info = read(&all);
    assert!(info.left_out.is_nothing());
    assert_eq!(
        info.usable.iter().map(PhysicalRange::size_bytes).sum::<u64>(),
        258 * MIB - MIB / 2 + 2 * PAGE
    );
}

#[test]
fn memory_beyond_the_reach_of_the_direct_map_is_counted() {
    let info = read(&[(MIB, 255 * MIB), (REACH_END - GIB, 3 * GIB), (REACH_END * 4, MIB)]);
    assert_eq!(used(&info), [(MIB, 255 * MIB), (REACH_END - GIB, GIB)]);
    assert_eq!(info.left_out.beyond_reach_bytes, 2 * GIB + MIB);
    assert_eq!(info.left_out.to_string(), "2148532224 bytes of usable memory above 64 TiB");
}
