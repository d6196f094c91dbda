//! The symbol table: finds functions by address and by name, and variables by address.

use core::str;

use crate::function::Name;

/// Only this many bytes of a name are compared.
const MAX_NAME_BYTES: usize = 160;
const SYMBOL_BYTES: usize = 24;
const KIND_MASK: u8 = 0xf;
const KIND_VARIABLE: u8 = 1;
const KIND_FUNCTION: u8 = 2;

/// A symbol table and the strings that it refers to.
#[derive(Clone, Copy, Debug)]
pub struct Symtab<'a> {
    table: &'a [u8],
    strings: &'a [u8],
}

/// A function or variable of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Its linkage name, mangled.
    pub name: &'a str,
    /// Its first address.
    pub start: usize,
    /// Its length.
    pub size_bytes: usize,
}

impl<'a> Symtab<'a> {
    /// Uses the sections `.symtab` and `.strtab` of a little-endian 64-bit ELF file.
    pub fn new(table: &'a [u8], strings: &'a [u8]) -> Self {
        Self { table, strings }
    }

    /// The function that contains `address`.
    pub fn find(&self, address: usize) -> Option<Symbol<'a>> {
        self.find_kind(KIND_FUNCTION, address)
    }

    /// The variable that contains `address`.
    pub fn find_variable(&self, address: usize) -> Option<Symbol<'a>> {
        self.find_kind(KIND_VARIABLE, address)
    }

    fn find_kind(&self, wanted: u8, address: usize) -> Option<Symbol<'a>> {
        self.symbols(wanted).find_map(|(start, size_bytes, name_offset)| {
            let offset = address.checked_sub(start)?;
            let name = (offset < size_bytes).then(|| text_at(self.strings, name_offset))??;
            Some(Symbol { name, start, size_bytes })
        })
    }

    /// The functions with this name, with all, some or none of its modules.
    pub fn named(&self, wanted: &str) -> impl Iterator<Item = Symbol<'a>> {
        self.named_kind(KIND_FUNCTION, wanted)
    }

    /// The variables with this name, in the same way.
    pub fn variables_named(&self, wanted: &str) -> impl Iterator<Item = Symbol<'a>> {
        self.named_kind(KIND_VARIABLE, wanted)
    }

    fn named_kind(&self, kind: u8, wanted: &str) -> impl Iterator<Item = Symbol<'a>> {
        let strings = self.strings;
        let all = self.symbols(kind).filter_map(move |(start, size_bytes, name_offset)| {
            Some(Symbol { name: text_at(strings, name_offset)?, start, size_bytes })
        });
        all.filter(move |symbol| {
            let shown = Name::Mangled(symbol.name).shortened::<MAX_NAME_BYTES>();
            shown.strip_suffix(wanted).is_some_and(|modules| modules.is_empty() || modules.ends_with("::"))
        })
    }

    /// All functions, in the order of the table.
    pub fn all(&self) -> impl Iterator<Item = Symbol<'a>> {
        let strings = self.strings;
        self.functions().filter_map(move |(start, size_bytes, name_offset)| {
            Some(Symbol { name: text_at(strings, name_offset)?, start, size_bytes })
        })
    }

    /// Start, size and offset of the name of each function.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (usize, usize, usize)> + use<'a> {
        self.symbols(KIND_FUNCTION)
    }

    /// The same for symbols of a kind.
    pub(crate) fn symbols(&self, wanted: u8) -> impl Iterator<Item = (usize, usize, usize)> + use<'a> {
        self.table.chunks_exact(SYMBOL_BYTES).filter_map(move |symbol| {
            let name_offset = u32::from_le_bytes(*symbol.first_chunk()?);
            let kind = *symbol.get(4)? & KIND_MASK;
            let start = usize::from_le_bytes(*symbol.get(8..)?.first_chunk()?);
            let size_bytes = usize::from_le_bytes(*symbol.get(16..)?.first_chunk()?);
            (kind == wanted).then_some((start, size_bytes, name_offset as usize))
        })
    }
}

/// The text from `offset` up to a zero byte.
pub(crate) fn text_at(bytes: &[u8], offset: usize) -> Option<&str> {
    let bytes = bytes.get(offset..)?;
    let length = bytes.iter().position(|byte| *byte == 0)?;
    str::from_utf8(bytes.get(..length)?).ok()
}
