//! Symbols and debug information, as they might be in memory.

use names::{Index, Sections, Symtab};

/// The sections, in the order of their numbers in the input.
const SECTIONS: [&str; 11] = [
    ".debug_abbrev",
    ".debug_info",
    ".debug_line",
    ".debug_str",
    ".debug_line_str",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_addr",
    ".debug_str_offsets",
    ".symtab",
    ".strtab",
];
/// The code of the programs from which the corpus was made is here.
const CODE: std::ops::Range<u64> = 0x40_0000..0x40_1000;

/// Takes the bytes apart into sections, each behind its number (a byte) and its length (three), builds an index of
/// them, and looks addresses up.
pub fn names(input: &[u8]) {
    let mut sections = [&[][..]; SECTIONS.len()];
    let mut rest = input;
    while let Some(([number, length @ ..], behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes([length[0], length[1], length[2], 0]) as usize;
        let (section, behind) = behind.split_at(length.min(behind.len()));
        sections[usize::from(*number) % SECTIONS.len()] = section;
        rest = behind;
    }
    let section =
        |name: &str| SECTIONS.iter().zip(sections).find(|(known, _)| **known == name).map(|(_, bytes)| bytes);
    let index = Index::build(Sections::find(section));
    for address in CODE.step_by(64).chain([0, u64::MAX]) {
        let _ = index.look_up(address, &mut |place| {
            let _ = place.name.map(names::Name::shortened::<32>);
            let _ = names::paths::shortened(place.file, place.base);
        });
    }
    let symtab = Symtab::new(section(".symtab").unwrap_or_default(), section(".strtab").unwrap_or_default());
    let _ = (symtab.find(CODE.start as usize), symtab.named("main").count());
}
