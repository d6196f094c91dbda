//! More regions, sections and modules than there is room for: what is taken never counts as free, and what is left out
//! is counted. Held against a map of single pages.

use proptest::prelude::*;

use super::{information, memory_map, parse, section, tag};
use crate::{BootInfo, FRAME_SIZE_BYTES as PAGE, LeftOut, PhysicalRange, RamUse, RegionKind};

const USABLE: u32 = 1;
const RESERVED: u32 = 2;

fn sections_tag(sections: &[Vec<u8>]) -> Vec<u8> {
    let head = [sections.len() as u32, 64, 0].map(u32::to_le_bytes).concat();
    tag(9, &[head, sections.concat()].concat())
}

fn module_tag(start: u64, end: u64) -> Vec<u8> {
    tag(3, &[start as u32, end as u32].map(u32::to_le_bytes).concat())
}

/// `count` sections of a page each, every second page from `first` on, as the loader keeps them.
fn loaded(first: u64, count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|number| section(0, (first + 2 * number) * PAGE, PAGE)).collect()
}

fn is_usable(info: &BootInfo, address: u64) -> bool {
    info.usable.iter().any(|range| (range.start..range.end).contains(&address))
}

#[test]
fn two_tags_of_more_sections_than_there_is_room_for_take_their_memory() {
    let map = memory_map(&[(PAGE, 4000 * PAGE, USABLE)]);
    let tags = [map, sections_tag(&loaded(100, 50)), sections_tag(&loaded(200, 50))];
    let info = parse(&information(&tags), &[]).unwrap();
    assert_eq!(info.sections.len(), 50, "numbers of sections mean those of one tag");
    assert_eq!(info.left_out, LeftOut::default());
    for number in 0..50 {
        for first in [100, 200] {
            assert!(!is_usable(&info, (first + 2 * number) * PAGE));
            assert!(is_usable(&info, (first + 2 * number + 1) * PAGE));
        }
    }
}

#[test]
fn sections_beyond_the_64th_are_counted_and_their_memory_stays_taken() {
    let map = memory_map(&[(PAGE, 4000 * PAGE, USABLE)]);
    let info = parse(&information(&[map, sections_tag(&loaded(100, 100))]), &[]).unwrap();
    assert_eq!((info.sections.len(), info.left_out.sections), (64, 36));
    assert!((0..100).all(|number| !is_usable(&info, (100 + 2 * number) * PAGE)));
}

#[test]
fn a_reserved_region_that_comes_last_of_many_is_not_handed_out() {
    let mut areas = vec![(PAGE, 4000 * PAGE, USABLE)];
    areas.extend((0..1300).map(|number| ((5000 + 2 * number) * PAGE, PAGE, RESERVED)));
    areas.push((77 * PAGE, PAGE, RESERVED));
    let info = parse(&information(&[memory_map(&areas)]), &[]).unwrap();
    assert!(!is_usable(&info, 77 * PAGE) && is_usable(&info, 76 * PAGE) && is_usable(&info, 78 * PAGE));
    assert!(
        info.regions
            .iter()
            .any(|region| region.range.start == 77 * PAGE && region.kind != RegionKind::Usable)
    );
}

#[test]
fn a_memory_map_of_many_reserved_regions_leaves_none_out() {
    let mut areas = vec![(PAGE, 4000 * PAGE, USABLE), (9000 * PAGE, 4000 * PAGE, USABLE)];
    areas.extend((0..1700).map(|number| ((5000 + 2 * number) * PAGE, PAGE, RESERVED)));
    let info = parse(&information(&[memory_map(&areas)]), &[]).unwrap();
    let covers = |address| {
        let mut reserved = info.regions.iter().filter(|region| region.kind == RegionKind::Reserved);
        reserved.any(|region| (region.range.start..region.range.end).contains(&address))
    };
    assert!((0..1700).all(|number| covers((5000 + 2 * number) * PAGE)));
    assert!(info.left_out.joined_regions > 0);
    assert_eq!(info.usable.iter().map(PhysicalRange::size_bytes).sum::<u64>(), 8000 * PAGE);
}

#[test]
fn each_of_many_modules_keeps_its_memory() {
    let mut tags = vec![memory_map(&[(PAGE, 4000 * PAGE, USABLE)])];
    tags.extend((0..150).map(|number| module_tag((100 + 3 * number) * PAGE, (101 + 3 * number) * PAGE)));
    let info = parse(&information(&tags), &[]).unwrap();
    assert!((0..150).all(|number| !is_usable(&info, (100 + 3 * number) * PAGE)));
    assert!((0..150).all(|number| is_usable(&info, (101 + 3 * number) * PAGE)));
}

#[test]
fn where_room_is_short_the_largest_usable_ranges_stay() {
    let mut areas = vec![(0x1_0000 * PAGE, 0x10_0000 * PAGE, USABLE)];
    areas.extend((1..1500).map(|number| (2 * number * PAGE, PAGE, USABLE)));
    let info = parse(&information(&[memory_map(&areas)]), &[]).unwrap();
    assert!(is_usable(&info, 0x1_0000 * PAGE));
    let usable_bytes: u64 = info.usable.iter().map(PhysicalRange::size_bytes).sum();
    assert_eq!(usable_bytes + info.left_out.usable_bytes, (0x10_0000 + 1499) * PAGE);
    let reported = "1949696 bytes of usable memory in ranges beyond the 1,024 that are kept";
    assert_eq!(info.left_out.to_string(), reported);
}

#[test]
fn three_hundred_regions_of_both_kinds_lose_nothing() {
    // What lost three quarters of 256 MB without a word: many small regions, and reserved ones that come first.
    let mut areas: Vec<_> = (0..300).map(|number| (4 * number * 16 * PAGE, 16 * PAGE, RESERVED)).collect();
    areas.extend((0..300).map(|number| ((4 * number + 2) * 16 * PAGE, 16 * PAGE, USABLE)));
    areas.push((0x1_0000 * PAGE, 0xc000 * PAGE, USABLE));
    let info = parse(&information(&[memory_map(&areas)]), &[]).unwrap();
    assert_eq!((info.regions.len(), info.usable.len()), (601, 301));
    assert_eq!(info.usable.iter().map(PhysicalRange::size_bytes).sum::<u64>(), (300 * 16 + 0xc000) * PAGE);
    assert!(info.left_out.is_nothing());
}

#[test]
fn bad_bytes_in_the_command_line_concern_their_word_alone() {
    let map = memory_map(&[(PAGE, 4000 * PAGE, USABLE)]);
    for (bytes, text) in [
        (&b"heap=slab\0"[..], "heap=slab"),
        (b"no zero byte", "no zero byte"),
        (b"heap=\xff slab\0", "heap=\u{fffd} slab"),
        (b"behind\0the end", "behind"),
        (b"", ""),
    ] {
        let info = parse(&information(&[tag(1, bytes), map.clone()]), &[]).unwrap();
        assert_eq!(info.command_line.text(), text);
        assert!(info.command_line.left_out().is_none());
    }
}

/// Usable memory as it is used, held by others, or left out.
fn bytes_counted(info: &BootInfo) -> u64 {
    let left_out = &info.left_out;
    let left_out = [left_out.ranges_bytes, left_out.scattered_bytes, left_out.beyond_reach_bytes];
    info.usable.iter().map(PhysicalRange::size_bytes).chain(left_out).sum::<u64>() + info.ram.held_bytes()
}

#[test]
fn memory_is_counted_for_whoever_holds_it() {
    let map = [
        (0, 100 * PAGE, USABLE),
        (1000 * PAGE + 100, 2000 * PAGE, USABLE),
        (200 * PAGE, PAGE, 3),
        (5000 * PAGE, 64, 4),
        (6000 * PAGE, 3 * PAGE, RESERVED),
    ];
    let tags = [memory_map(&map), module_tag(10 * PAGE, 12 * PAGE), module_tag(12 * PAGE - 1, 13 * PAGE)];
    let own = [(20, 30), (29, 31)].map(|(start, end)| PhysicalRange { start: start * PAGE, end: end * PAGE });
    let info = parse(&information(&tags), &own).unwrap();
    let expected = RamUse {
        system_bytes: 2100 * PAGE,
        acpi_tables_bytes: PAGE,
        acpi_storage_bytes: 64,
        first_frame_bytes: PAGE,
        image_bytes: 10 * PAGE,
        boot_information_bytes: PAGE,
        modules_bytes: 3 * PAGE,
        partial_frames_bytes: PAGE,
        ..RamUse::NOTHING
    };
    assert_eq!(info.ram, expected);
    assert_eq!(info.ram.total_bytes(), 2101 * PAGE + 64);
    assert_eq!(bytes_counted(&info), info.ram.system_bytes);
}

#[test]
fn memory_beyond_the_lists_is_counted_as_well() {
    // Too many regions: some are dropped or joined, and the ranges between modules are too many, too.
    let areas: Vec<_> = (1..1500).map(|number| (2 * number * PAGE, PAGE, USABLE)).collect();
    let info = parse(&information(&[memory_map(&areas)]), &[]).unwrap();
    assert!(info.ram.left_out_regions_bytes > 0);
    assert_eq!(bytes_counted(&info), 1499 * PAGE);
    let mut tags = vec![memory_map(&[(PAGE, 9000 * PAGE, USABLE)])];
    tags.extend((0..1200).map(|number| module_tag((100 + 3 * number) * PAGE, (101 + 3 * number) * PAGE)));
    let info = parse(&information(&tags), &[]).unwrap();
    assert!(info.left_out.ranges_bytes > 0 && info.ram.left_out_regions_bytes == 0);
    assert_eq!(bytes_counted(&info), 9000 * PAGE);
}

const PAGES: usize = 3000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn each_page_is_usable_just_when_nobody_else_has_it(
        areas in prop::collection::vec((0_u64..PAGES as u64, 0_u64..40, 1_u32..7), 1..600),
        modules in prop::collection::vec((0_u64..PAGES as u64, 0_u64..6), 0..150),
    ) {
        let mut is_free = vec![false; PAGES + 64];
        for is_given in [true, false] {
            for (start, size, _) in areas.iter().filter(|(_, _, kind)| (*kind == USABLE) == is_given) {
                is_free[*start as usize..(start + size) as usize].fill(is_given);
            }
        }
        // A range that does not end where a page does has that page as well.
        for (start, size) in modules.iter().filter(|(_, size)| *size > 0) {
            is_free[*start as usize..(start + size) as usize].fill(false);
        }
        is_free[0] = false;

        let map: Vec<_> = areas.iter().map(|(start, size, kind)| (start * PAGE, size * PAGE, *kind)).collect();
        let mut tags = vec![memory_map(&map)];
        tags.extend(modules.iter().map(|(start, size)| module_tag(start * PAGE, ((start + size) * PAGE).saturating_sub(1))));
        let Ok(info) = parse(&information(&tags), &[]) else {
            // All of it is less than one area's page tables are worth.
            prop_assert!(is_free.iter().filter(|is_free| **is_free).count() < 64);
            return Ok(());
        };
        let mut pages = 0;
        for range in &info.usable {
            for page in range.start / PAGE..range.end / PAGE {
                prop_assert!(is_free[page as usize], "page {page} is somebody's");
                pages += 1;
            }
        }
        prop_assert_eq!(bytes_counted(&info), info.ram.system_bytes);
        let free_pages = is_free.iter().filter(|is_free| **is_free).count() as u64;
        prop_assert_eq!(pages + info.left_out.bytes() / PAGE, free_pages);
    }
}
