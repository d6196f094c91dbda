//! Names for addresses of the kernel's code, from the symbol table that GRUB leaves in memory.
//!
//! Names are looked up while a report is read, never while something is allocated, and nothing is copied.
//! Where the table is missing or damaged, addresses stay numbers. Source: ELF-64 Object File Format 1.5,
//! chapters 4 and 6.

use core::fmt::{self, Write};

use boot::BootInfo;
use rustc_demangle::demangle;
use spin::Once;

use crate::arch::image;

const SYMBOL_BYTES: usize = 24;
const STRING_TABLE: u32 = 3;
const SYMBOL_TABLE: u32 = 2;
const KIND_MASK: u8 = 0xf;
const KIND_FUNCTION: u8 = 2;
/// Longer names are cut, so that a row of a table has a limit.
const MOST_NAME_CHARS: usize = 160;

/// The two sections that names come from.
#[derive(Clone, Copy, Debug)]
struct Symbols {
    table: &'static [u8],
    names: &'static [u8],
}

static SYMBOLS: Once<Symbols> = Once::new();

/// Finds the symbol table among the sections that the loader named.
pub(crate) fn init(info: &BootInfo) {
    let find = |kind: u32, wanted: &str| {
        let names = info.sections.get(info.section_names).and_then(image::loaded_section)?;
        let is_wanted = |offset: u32| text_at(names, offset as usize) == Some(wanted);
        let section =
            info.sections.iter().find(|section| section.kind == kind && is_wanted(section.name_offset));
        section.and_then(image::loaded_section)
    };
    match (find(SYMBOL_TABLE, ".symtab"), find(STRING_TABLE, ".strtab")) {
        (Some(table), Some(names)) => {
            SYMBOLS.call_once(|| Symbols { table, names });
        }
        _ => log::warn!("symbols: the loader left none; call stacks show plain addresses"),
    }
}

/// The text from `offset` up to a zero byte.
fn text_at(bytes: &'static [u8], offset: usize) -> Option<&'static str> {
    let bytes = bytes.get(offset..)?;
    let length = bytes.iter().position(|byte| *byte == 0)?;
    str::from_utf8(bytes.get(..length)?).ok()
}

/// The function that an address lies in, how far behind its start, and its length.
fn find(address: usize) -> Option<(&'static str, usize, usize)> {
    let symbols = SYMBOLS.get()?;
    symbols.table.chunks_exact(SYMBOL_BYTES).find_map(|symbol| {
        let name_offset = u32::from_le_bytes(*symbol.first_chunk()?);
        let kind = *symbol.get(4)? & KIND_MASK;
        let start = usize::from_le_bytes(*symbol.get(8..)?.first_chunk()?);
        let size_bytes = usize::from_le_bytes(*symbol.get(16..)?.first_chunk()?);
        let offset = address.checked_sub(start).filter(|offset| *offset < size_bytes)?;
        (kind == KIND_FUNCTION)
            .then(|| text_at(symbols.names, name_offset as usize))
            .flatten()
            .map(|name| (name, offset, size_bytes))
    })
}

/// A return address as `function+0x12`, or as a number where there is no name. The alternate form adds the function's
/// length, as Linux's `%pS` does: `function+0x12/0x34`.
///
/// The call lies before the address, maybe as the function's last instruction, so the byte before is looked
/// up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReturnAddress(pub(crate) usize);

impl fmt::Display for ReturnAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((name, offset, size_bytes)) = find(self.0.wrapping_sub(1)) else {
            return write!(out, "{:#018x}", self.0);
        };
        // The alternate form leaves the crates' hashes out.
        let mut limited = Limited { out, left: MOST_NAME_CHARS };
        fmt::write(&mut limited, format_args!("{:#}", demangle(name)))?;
        write!(out, "+{:#x}", offset + 1)?;
        if out.alternate() { write!(out, "/{size_bytes:#x}") } else { Ok(()) }
    }
}

/// Lets a limited number of characters through.
struct Limited<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    left: usize,
}

impl Write for Limited<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars().take(self.left) {
            self.out.write_char(character)?;
            self.left -= 1;
        }
        Ok(())
    }
}
