//! How much memory an index of crafted debug information takes. In a program of its own, as all allocations count.

use std::alloc::System;

use names::{Index, Sections};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes of the sections without end.
const SECTION_BYTES: usize = 200 << 20;
/// All that may be allocated for an index of a few entries, freed or not: 4,096 ranges an entry are kept.
const MAX_INDEX_BYTES: usize = 2 << 20;

/// One test, as what another allocates meanwhile would count.
#[test]
fn crafted_sections_take_no_more_memory_than_their_entries_may() {
    sections_without_end_are_kept_in_part();
    claimed_lengths_take_no_memory();
}

/// A list of ranges that no pair of zeros ends, and a text that no zero ends.
fn sections_without_end_are_kept_in_part() {
    const ENTRIES: usize = 4;
    let endless = b"aaaaaaaaaaaaaaab".repeat(SECTION_BYTES / 16);
    let abbreviations = [
        &[1, 0x11, 1, 0, 0][..], // a unit with children
        // A function: DW_AT_name as DW_FORM_strp, DW_AT_ranges as DW_FORM_sec_offset.
        &[2, 0x2e, 0, 0x03, 0x0e, 0x55, 0x17, 0, 0],
        &[0],
    ]
    .concat();
    let mut unit = vec![4, 0, 0, 0, 0, 0, 8, 1]; // DWARF 4, abbreviations at 0, addresses of 8 bytes
    for number in 0..ENTRIES as u32 {
        let place = (number * 16).to_le_bytes();
        unit.extend([&[2][..], &place, &place].concat());
    }
    unit.push(0);
    let info = [&(unit.len() as u32).to_le_bytes()[..], &unit].concat();
    let sections = Sections::find(|name| match name {
        ".debug_abbrev" => Some(&abbreviations[..]),
        ".debug_info" => Some(&info),
        ".debug_ranges" | ".debug_str" => Some(&endless),
        _ => None,
    });
    let allocated = Region::new(ALLOCATOR);
    let index = Index::build(sections);
    assert!(index.function_count() >= ENTRIES, "{} functions", index.function_count());
    let start = u64::from_le_bytes(*b"aaaaaaaa");
    // The name is no text; that it is looked for takes no memory either.
    let _ = index.look_up(start, &mut |_| {});
    let change = allocated.change();
    assert!(change.bytes_allocated <= MAX_INDEX_BYTES, "{change:?}");
}

/// A unit and its tables say that they have 200 MB, and have a few bytes.
fn claimed_lengths_take_no_memory() {
    let claim = (SECTION_BYTES as u32).to_le_bytes();
    let short = [&claim[..], &[4, 0, 0, 0, 0, 0, 8, 1, 0, 0]].concat();
    let allocated = Region::new(ALLOCATOR);
    let index = Index::build(Sections::find(|_| Some(&short)));
    assert_eq!(index.function_count(), 0);
    let change = allocated.change();
    assert!(change.bytes_allocated <= MAX_INDEX_BYTES, "{change:?}");
}
