//! Held against the crate addr2line on this test's own program, and against the same sections cut and overwritten.

use std::hint::black_box;
use std::{env, fs};

use proptest::prelude::*;

use crate::symtab::text_at;
use crate::{Index, Name, Place, Sections, Symtab, bare_name};

/// A little-endian 64-bit ELF file: its sections by name.
struct Elf(Vec<u8>);

impl Elf {
    fn own() -> Self {
        Self(fs::read(env::current_exe().unwrap()).unwrap())
    }

    fn number<const BYTES: usize>(&self, at: usize) -> usize {
        let mut bytes = [0; 8];
        bytes[..BYTES].copy_from_slice(&self.0[at..at + BYTES]);
        usize::from_le_bytes(bytes)
    }

    fn section_at(&self, number: usize) -> (usize, &[u8]) {
        let header = self.number::<8>(0x28) + number * self.number::<2>(0x3a);
        let (start, size_bytes) = (self.number::<8>(header + 0x18), self.number::<8>(header + 0x20));
        (self.number::<4>(header), self.0.get(start..start + size_bytes).unwrap_or_default())
    }

    fn section(&self, name: &str) -> Option<&[u8]> {
        let (_, names) = self.section_at(self.number::<2>(0x3e));
        let mut sections = (0..self.number::<2>(0x3c)).map(|number| self.section_at(number));
        sections.find(|(offset, _)| text_at(names, *offset) == Some(name)).map(|(_, bytes)| bytes)
    }

    fn symtab(&self) -> Symtab<'_> {
        Symtab::new(self.section(".symtab").unwrap(), self.section(".strtab").unwrap())
    }
}

/// What both libraries can say of a frame, in one form.
type Told = (String, String, u32);

fn reported(place: &Place<'_>) -> Told {
    let name = match place.name {
        Some(Name::Mangled(name) | Name::Plain(name)) => name.to_string(),
        None => String::new(),
    };
    let mut path = String::new();
    for part in [place.base, place.directory, place.file] {
        if part.starts_with('/') {
            path.clear();
        } else if !path.is_empty() && !part.is_empty() {
            path.push('/');
        }
        path.push_str(part);
    }
    (name, path, place.line)
}

fn look_up(index: &Index<'_>, address: usize) -> Vec<Told> {
    let mut places = Vec::new();
    let _ = index.look_up(address as u64, &mut |place| places.push(reported(place)));
    places
}

#[test]
fn all_places_are_those_of_addr2line() {
    let elf = Elf::own();
    let sections = |name: &str| elf.section(name);
    let index = Index::build(Sections::find(sections));
    let load = |id: gimli::SectionId| {
        let bytes = elf.section(id.name()).unwrap_or_default();
        Ok::<_, gimli::Error>(gimli::EndianSlice::new(bytes, gimli::LittleEndian))
    };
    let reference = addr2line::Context::from_dwarf(gimli::Dwarf::load(load).unwrap()).unwrap();
    let (mut compared, mut inlined) = (0, 0);
    for (start, size_bytes, _) in elf.symtab().functions() {
        for address in (start..start + size_bytes).step_by(61) {
            let places = look_up(&index, address);
            let mut frames = reference.find_frames(address as u64).skip_all_loads().unwrap();
            let mut expected: Vec<Told> = Vec::new();
            while let Some(frame) = frames.next().unwrap() {
                let name = frame.function.map(|name| name.raw_name().unwrap().to_string());
                let (file, line) = frame
                    .location
                    .map(|place| (place.file.unwrap_or_default().to_string(), place.line.unwrap_or(0)))
                    .unwrap_or_default();
                expected.push((name.unwrap_or_default(), file, line));
            }
            assert!(places == expected, "{address:#x}: {places:#?}");
            compared += usize::from(!places.is_empty());
            inlined += usize::from(places.len() > 1);
        }
    }
    assert!(compared > 1000 && inlined > 100, "{compared} compared, {inlined} of them inlined");
}

#[inline(never)]
fn outer(value: u64) -> u64 {
    black_box(inner(value)) + 1
}

#[expect(clippy::inline_always, reason = "the frame of an inlined function is what is tested")]
#[inline(always)]
fn inner(value: u64) -> u64 {
    black_box(black_box(value) * 3)
}

#[test]
fn own_functions_have_their_file_and_their_lines() {
    assert_eq!(outer(black_box(2)), 7);
    let elf = Elf::own();
    let index = Index::build(Sections::find(|name| elf.section(name)));
    let symtab = elf.symtab();
    let is_outer = |start: &usize| {
        symtab.find(*start).is_some_and(|symbol| bare_name(&demangled(symbol.name)) == "outer")
    };
    let (start, size_bytes, _) = symtab.functions().find(|(start, ..)| is_outer(start)).unwrap();
    let mut has_inner = false;
    for address in start..start + size_bytes {
        let places = look_up(&index, address);
        let (name, path, line) = places.last().unwrap();
        assert_eq!(bare_name(&demangled(name)), "outer");
        assert!(path.ends_with("names/src/tests.rs") && (100..200).contains(line), "{path}:{line}");
        has_inner |= places.iter().any(|(name, ..)| bare_name(&demangled(name)) == "inner");
    }
    assert!(has_inner, "the inlined function has no frame");
}

/// Entries that all refer to one long list of ranges would make an index many times their size.
#[test]
fn shared_lists_of_ranges_do_not_blow_the_index_up() {
    const ENTRIES: usize = 500;
    let abbreviations = [
        &[1, 0x11, 1, 0, 0][..],         // a unit with children
        &[2, 0x2e, 0, 0x55, 0x17, 0, 0], // a function: DW_AT_ranges as DW_FORM_sec_offset
        &[0],
    ];
    let mut unit = vec![4, 0, 0, 0, 0, 0, 8, 1]; // DWARF 4, abbreviations at 0, addresses of 8 bytes
    unit.extend([2, 0, 0, 0, 0].repeat(ENTRIES));
    unit.push(0);
    let info = [&(unit.len() as u32).to_le_bytes()[..], &unit].concat();
    let ranges = (1..4000_u64).flat_map(|place| [place * 16, place * 16 + 8]).chain([0, 0]);
    let ranges: Vec<u8> = ranges.flat_map(u64::to_le_bytes).collect();
    let abbreviations = abbreviations.concat();
    let index = Index::build(Sections::find(|name| match name {
        ".debug_abbrev" => Some(&abbreviations),
        ".debug_info" => Some(&info),
        ".debug_ranges" => Some(&ranges),
        _ => None,
    }));
    let bound = (info.len() + ranges.len()) / 8;
    assert!(index.function_count() > 0 && index.function_count() <= bound, "{}", index.function_count());
}

/// A DWARF 4 unit with nothing in it but its root, at an offset of the abbreviations; `attributes` are the root's.
fn unit(abbreviations: u32, attributes: &[u8]) -> Vec<u8> {
    let head = [&[4, 0][..], &abbreviations.to_le_bytes(), &[8, 1], attributes].concat();
    [&(head.len() as u32).to_le_bytes()[..], &head].concat()
}

fn built(sections: &[(&str, &[u8])]) -> usize {
    let find = |name: &str| sections.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes);
    Index::build(Sections::find(find)).units.len()
}

/// Each unit starts its abbreviations a little after that of the previous unit: many copies of nearly the whole table.
#[test]
fn overlapping_abbreviations_are_not_read_for_each_unit() {
    const COUNT: usize = 2000;
    // A code of two bytes, a unit without children, no attributes. The last is the one that all units have.
    let entry = |code: usize| [code as u8 | 0x80, (code >> 7) as u8, 0x11, 0, 0, 0];
    let mut abbreviations: Vec<u8> = (0..COUNT).flat_map(|number| entry(200 + number)).collect();
    abbreviations.extend([1, 0x11, 0, 0, 0, 0]);
    for copies in [1, 2] {
        let info: Vec<u8> =
            (0..COUNT as u32).flat_map(|number| unit(number * 6, &[]).repeat(copies)).collect();
        let units = built(&[(".debug_abbrev", &abbreviations), (".debug_info", &info)]);
        assert!((1..=2).contains(&units), "{units} units were read");
    }
    // All of one table, and each of its own, are what compilers make.
    let info = unit(0, &[]).repeat(COUNT);
    assert_eq!(built(&[(".debug_abbrev", &abbreviations), (".debug_info", &info)]), COUNT);
    let tables = [1, 0x11, 0, 0, 0, 0].repeat(COUNT);
    let info: Vec<u8> = (0..COUNT as u32).flat_map(|number| unit(number * 6, &[])).collect();
    assert_eq!(built(&[(".debug_abbrev", &tables), (".debug_info", &info)]), COUNT);
}

/// Each unit has the same long line table.
#[test]
fn shared_line_tables_are_not_read_for_each_unit() {
    const COUNT: usize = 2000;
    // DW_AT_stmt_list as DW_FORM_sec_offset.
    let abbreviations = [1, 0x11, 0, 0x10, 0x17, 0, 0, 0];
    // Instructions of a byte, one line, one address; no opcodes of more; no directories, no files.
    let header = [1, 1, 1, 0, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0];
    let program = [0, 1, 1].repeat(10_000);
    let head = [&[4, 0][..], &(header.len() as u32).to_le_bytes(), &header].concat();
    let size = (head.len() + program.len()) as u32;
    let lines = [&size.to_le_bytes()[..], &head, &program].concat();
    let info = unit(0, &0_u32.to_le_bytes()).repeat(COUNT);
    let sections = [(".debug_abbrev", &abbreviations[..]), (".debug_info", &info), (".debug_line", &lines)];
    let units = built(&sections);
    assert!((1..=2).contains(&units), "{units} units were read");
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is cut off or overwritten, all lookups come to an end.
    #[test]
    fn broken_sections_give_no_panic(every in 1_usize..4096, seed in any::<u64>(), part in 1_usize..17) {
        let elf = Elf::own();
        let mut state = seed | 1;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let names = [".debug_abbrev", ".debug_info", ".debug_line", ".debug_str", ".debug_ranges", ".debug_rnglists"];
        // The beginning of each section is enough, and quick.
        let mut broken: Vec<Vec<u8>> = names
            .iter()
            .map(|name| elf.section(name).map_or(vec![], |bytes| bytes[..bytes.len().min(200_000) * part / 16].to_vec()))
            .collect();
        for bytes in &mut broken {
            let mut at = random() as usize % every;
            while let Some(byte) = bytes.get_mut(at) {
                *byte = random() as u8;
                at += 1 + random() as usize % every;
            }
        }
        let index = Index::build(Sections::find(|name| {
            names.iter().zip(&broken).find(|(known, _)| **known == name).map(|(_, bytes)| bytes.as_slice())
        }));
        for (start, ..) in elf.symtab().functions().step_by(7) {
            look_up(&index, start);
        }
    }
}

static VARIABLE: [u64; 4] = [1, 2, 3, 4];

#[test]
fn variables_are_found_by_address_and_functions_are_not_taken_for_them() {
    let elf = Elf::own();
    let symtab = elf.symtab();
    // Addresses of the file, as the program may lie elsewhere in memory.
    let wanted = |name: &str| name.contains("VARIABLE");
    let found = symtab
        .symbols(1)
        .find(|(_, _, name)| text_at(elf.section(".strtab").unwrap(), *name).is_some_and(wanted));
    let (start, size_bytes, _) = found.unwrap();
    assert_eq!(size_bytes, size_of_val(black_box(&VARIABLE)));
    for inside in [0, 1, size_bytes - 1] {
        let symbol = symtab.find_variable(start + inside).unwrap();
        assert_eq!((symbol.start, symbol.size_bytes), (start, size_bytes));
        assert!(wanted(symbol.name), "{}", symbol.name);
    }
    let function = symtab.all().next().unwrap();
    assert_eq!(symtab.find_variable(function.start), None);
    assert_eq!(symtab.find(start), None);
}
