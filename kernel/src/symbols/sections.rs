//! The sections with symbols and debug information among those that the loader named.

use boot::{BootInfo, ElfSection};
use names::{Sections, Symtab};

use super::cache;
use crate::arch::image;
use config::SymbolSource as Source;
use tally_heap::test_kit::random::Random;

const SEED: u64 = 42;
/// The tables of entries and lines; what is made of them is smaller.
const INDEXED: [&str; 2] = [".debug_info", ".debug_line"];

/// The sections as they were found, or made worse on demand.
pub(super) struct Found<'a> {
    info: &'a BootInfo,
    names: Option<&'static [u8]>,
    source: Source,
}

impl<'a> Found<'a> {
    pub(super) fn new(info: &'a BootInfo, source: Source) -> Self {
        let names = info.sections.get(info.section_names).and_then(image::loaded_section);
        let found = Self { info, names: names.filter(|_| source != Source::Off), source };
        for section in &info.sections {
            let Some(name) = found.name_of(section) else { continue };
            let one_of = match source {
                Source::Noise if name.starts_with(".debug_") => 1,
                Source::Scattered if name.starts_with(".debug_") => 1024,
                Source::Blind if name != ".shstrtab" => 1,
                _ => continue,
            };
            let mut random = Random::new(SEED);
            image::overwrite_section(section, || {
                (random.below(one_of) == 0).then(|| random.next_u64() as u8)
            });
        }
        found
    }

    /// The symbol table.
    pub(super) fn symtab(&self) -> Option<Symtab<'static>> {
        Some(Symtab::new(self.find(".symtab")?, self.find(".strtab")?))
    }

    /// The debug information.
    pub(super) fn debug(&self) -> Sections<'static> {
        Sections::find(|name| self.find(name))
    }

    /// The memory that an index takes; `None` if there is nothing to index. The half of what it indexes was measured to
    /// be plenty.
    pub(super) fn index_bytes(&self) -> Option<usize> {
        let sizes = INDEXED.map(|name| self.find(name).map_or(0, <[u8]>::len));
        sizes.iter().all(|size| *size > 0).then(|| sizes.iter().sum::<usize>() / 2 + cache::SIZE_BYTES)
    }

    fn name_of(&self, section: &ElfSection) -> Option<&'static str> {
        let text = self.names?.get(section.name_offset as usize..)?;
        let length = text.iter().position(|byte| *byte == 0)?;
        str::from_utf8(text.get(..length)?).ok()
    }

    fn find(&self, name: &str) -> Option<&'static [u8]> {
        let section = self.info.sections.iter().find(|section| self.name_of(section) == Some(name))?;
        let bytes = image::loaded_section(section)?;
        if self.source == Source::Cut { bytes.get(..bytes.len() / 2) } else { Some(bytes) }
    }
}
