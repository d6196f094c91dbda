//! Names from a program's ELF file, for dumps that have only addresses.

use std::collections::BTreeMap;
use std::fmt;

use names::{Index, Name, Sections, Symtab, paths};
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection};

use crate::dump::Frame;

/// Longer names are cut.
const MAX_NAME_BYTES: usize = 400;

/// The symbols and the debug information of an ELF file.
pub struct Symbols<'a> {
    index: Option<Index<'a>>,
    /// Functions by address: their sizes and names.
    functions: BTreeMap<u64, (u64, &'a str)>,
    offset: u64,
}

/// A file that has no symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SymbolsError {
    /// It is no little-endian 64-bit ELF file.
    NotElf(String),
    /// There are neither functions in the symbol table nor debug information.
    Stripped,
}

impl fmt::Display for SymbolsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf(error) => write!(out, "expected a little-endian 64-bit ELF file: {error}"),
            Self::Stripped => write!(out, "the file has no symbols; use one that is not stripped"),
        }
    }
}

impl std::error::Error for SymbolsError {}

impl fmt::Debug for Symbols<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Symbols").field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl<'a> Symbols<'a> {
    /// Reads the file's tables. `offset` is by how much the program's addresses are higher than the file's; 0 for what the
    /// dump says.
    ///
    /// # Errors
    ///
    /// [`SymbolsError`] if no address could be named.
    pub fn new(file: &'a [u8], offset: u64) -> Result<Self, SymbolsError> {
        let elf = ElfFile64::<object::LittleEndian>::parse(file)
            .map_err(|error| SymbolsError::NotElf(error.to_string()))?;
        let section = |name: &str| elf.section_by_name(name).and_then(|section| section.data().ok());
        let sections = Sections::find(section);
        let index = if sections.is_empty() { None } else { Some(Index::build(sections)) };
        let symtab =
            Symtab::new(section(".symtab").unwrap_or_default(), section(".strtab").unwrap_or_default());
        let named = symtab.all().filter(|symbol| symbol.size_bytes > 0);
        let functions = named.map(|symbol| (symbol.start as u64, (symbol.size_bytes as u64, symbol.name)));
        let symbols = Self { index, functions: functions.collect(), offset };
        if symbols.index.is_none() && symbols.functions.is_empty() {
            return Err(SymbolsError::Stripped);
        }
        Ok(symbols)
    }

    /// The functions that the call before a return address lies in, innermost first; none if no name is known. `offset` is
    /// what the dump says; that of [`Symbols::new`] comes first.
    pub fn frames(&self, return_address: u64, offset: u64) -> Vec<Frame> {
        let offset = if self.offset == 0 { offset } else { self.offset };
        // The call may be the function's last instruction.
        let probe = return_address.wrapping_sub(offset).wrapping_sub(1);
        let mut frames = Vec::new();
        if let Some(index) = &self.index {
            // A broken entry leaves what was found before it.
            let _ = index.look_up(probe, &mut |place| {
                let function = place.name.map(readable).unwrap_or_default();
                let whole = [place.base, place.directory, place.file].iter().fold(String::new(), joined);
                let file = paths::shortened(&whole, place.base).to_string();
                frames.push(Frame { function, file, line: place.line });
            });
        }
        // The symbol table has the whole name of the outermost function.
        if let Some((start, (size_bytes, name))) = self.functions.range(..=probe).next_back()
            && probe - start < *size_bytes
        {
            let function = readable(Name::Mangled(name));
            match frames.last_mut() {
                Some(frame) => frame.function = function,
                None => frames.push(Frame { function, ..Frame::default() }),
            }
        }
        frames
    }
}

fn readable(name: Name<'_>) -> String {
    name.shortened::<MAX_NAME_BYTES>().to_string()
}

/// A path with one more part, which replaces it if it is absolute.
fn joined(path: String, part: &&str) -> String {
    match (path.is_empty() || part.starts_with('/'), part.is_empty()) {
        (_, true) => path,
        (true, false) => (*part).to_string(),
        (false, false) => format!("{path}/{part}"),
    }
}
