//! Boot information that is whole, cut, and corrupted.

mod early;
mod limits;
mod maps;

use proptest::prelude::*;

use crate::{BootError, BootInfo, FRAME_SIZE_BYTES, Framebuffer, PhysicalRange, RegionKind};

const IMAGE: PhysicalRange = PhysicalRange { start: 0x10_0000, end: 0x20_0000 };

fn parse(information: &[u8], own: &[PhysicalRange]) -> Result<Box<BootInfo>, BootError> {
    let mut info = Box::new(BootInfo::EMPTY);
    info.read(information, own).map(|()| info)
}

fn tag(kind: u32, contents: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(kind.to_le_bytes());
    bytes.extend((contents.len() as u32 + 8).to_le_bytes());
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn information(tags: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes.extend(tags.concat());
    bytes.extend(tag(0, &[]));
    let size_bytes = bytes.len() as u32;
    bytes[..4].copy_from_slice(&size_bytes.to_le_bytes());
    bytes
}

fn memory_map(entries: &[(u64, u64, u32)]) -> Vec<u8> {
    let mut contents = Vec::new();
    contents.extend(24_u32.to_le_bytes());
    contents.extend(0_u32.to_le_bytes());
    for (start, size_bytes, kind) in entries {
        contents.extend(start.to_le_bytes());
        contents.extend(size_bytes.to_le_bytes());
        contents.extend(kind.to_le_bytes());
        contents.extend(0_u32.to_le_bytes());
    }
    tag(6, &contents)
}

fn section(flags: u64, address: u64, size_bytes: u64) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[8..16].copy_from_slice(&flags.to_le_bytes());
    bytes[16..24].copy_from_slice(&address.to_le_bytes());
    bytes[32..40].copy_from_slice(&size_bytes.to_le_bytes());
    bytes
}

/// What GRUB gives on a small PC, in essence.
fn typical() -> Vec<u8> {
    let mut framebuffer = Vec::new();
    framebuffer.extend(0xfd00_0000_u64.to_le_bytes());
    for word in [4096_u32, 1024, 768] {
        framebuffer.extend(word.to_le_bytes());
    }
    framebuffer.extend([32, 1, 0, 0, 16, 8, 8, 8, 0, 8]);
    let mut sections = Vec::new();
    for word in [2_u32, 64, 1] {
        sections.extend(word.to_le_bytes());
    }
    sections.extend(section(2, 0xffff_ffff_8010_0000, 0x1000));
    sections.extend(section(0, 0x30_0000, 0x1234));
    information(&[
        tag(1, b"log=debug demo=memstat\0"),
        tag(2, b"GRUB 2.06\0"),
        memory_map(&[
            (0, 0x9_fc00, 1),
            (0x9_fc00, 0x400, 2),
            (0xf_0000, 0x1_0000, 2),
            (0x10_0000, 0x7ee_0000, 1),
            (0x7fe_0000, 0x2_0000, 3),
        ]),
        tag(8, &framebuffer),
        tag(9, &sections),
        tag(14, b"RSD PTR 123456789012"),
    ])
}

#[test]
fn typical_information_is_read_whole() {
    let info = parse(&typical(), &[IMAGE]).unwrap();
    assert_eq!(info.command_line.text(), "log=debug demo=memstat");
    assert_eq!(info.loader.as_str(), "GRUB 2.06");
    assert_eq!(info.regions.len(), 5);
    assert_eq!(info.rsdp.len(), 20);
    assert_eq!(info.sections.len(), 2);
    assert!(matches!(info.framebuffer, Some(Framebuffer::Rgb { width: 1024, height: 768, .. })));
    let expected = [(0x1000, 0x9_f000), (0x20_0000, 0x30_0000), (0x30_2000, 0x7fe_0000)];
    let usable: Vec<_> = info.usable.iter().map(|range| (range.start, range.end)).collect();
    assert_eq!(usable, expected);
}

#[test]
fn overlapping_regions_go_to_the_more_restrictive_kind() {
    let bytes = information(&[memory_map(&[(0x100_0000, 0x100_0000, 1), (0x180_0000, 0x10_0000, 2)])]);
    let info = parse(&bytes, &[]).unwrap();
    let kinds: Vec<_> = info.regions.iter().map(|region| (region.range.start, region.kind)).collect();
    assert_eq!(
        kinds,
        [
            (0x100_0000, RegionKind::Usable),
            (0x180_0000, RegionKind::Reserved),
            (0x190_0000, RegionKind::Usable)
        ]
    );
}

#[test]
fn cut_information_is_an_error_at_every_length() {
    let whole = typical();
    for length in 0..whole.len() {
        assert!(parse(&whole[..length], &[IMAGE]).is_err());
    }
}

#[test]
fn no_memory_map_is_an_error() {
    let error = parse(&information(&[tag(1, b"x\0")]), &[]).unwrap_err();
    assert_eq!(error, BootError::NoMemory);
}

/// Whatever was parsed: what may be used is sorted, disjoint, whole frames, and nobody else's.
fn assert_sound(info: &BootInfo) {
    let mut last_end = FRAME_SIZE_BYTES;
    for range in &info.usable {
        assert!(range.start >= last_end && range.start < range.end);
        assert!(range.start.is_multiple_of(FRAME_SIZE_BYTES) && range.end.is_multiple_of(FRAME_SIZE_BYTES));
        assert!(range.end <= IMAGE.start || range.start >= IMAGE.end);
        last_end = range.end;
        let inside = |region: &crate::MemoryRegion| {
            region.kind == RegionKind::Usable
                && region.range.start <= range.start
                && range.end <= region.range.end
        };
        assert!(info.regions.iter().any(inside));
    }
    for pair in info.regions.windows(2) {
        assert!(pair[0].range.end <= pair[1].range.start);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn corrupted_information_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        let mut bytes = typical();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(info) = parse(&bytes, &[IMAGE]) {
            assert_sound(&info);
        }
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes, &[]);
        let size_bytes = bytes.len() as u32;
        if let Some(head) = bytes.first_chunk_mut::<4>() {
            *head = size_bytes.to_le_bytes();
        }
        let _ = parse(&bytes, &[]);
    }

    #[test]
    fn any_memory_map_gives_sound_regions(entries in prop::collection::vec((0_u64..1 << 34, 0_u64..1 << 33, 0_u32..7), 0..80)) {
        if let Ok(info) = parse(&information(&[memory_map(&entries)]), &[IMAGE]) {
            assert_sound(&info);
        }
    }
}
