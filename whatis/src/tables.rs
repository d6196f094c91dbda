//! Page tables of four levels: where an address leads, and which table or page of an address space a frame is.
//!
//! Source: Intel SDM vol. 3A, section 4.5.

use core::ops::Range;

use crate::layout::is_canonical;

const ENTRIES: usize = 512;
const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// The level of the top table; a table of level 1 has pages of 4 KiB.
const TOP: u32 = 4;
/// Pages of 2 MiB and 1 GiB are at the levels 2 and 3, none is above.
const MAX_PAGE_LEVEL: u32 = 3;

/// The tables of an address space.
pub trait Tables {
    /// The frame of the top table.
    fn top(&self) -> u64;

    /// The entry `number`, below 512, of the table in a frame.
    fn entry(&self, table: u64, number: usize) -> u64;

    /// Whether a table is under several entries. A search does not look into it.
    fn is_shared(&self, table: u64) -> bool {
        let _ = table;
        false
    }
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The physical address of the byte.
    pub physical: u64,
    /// The page's size: 4 KiB, 2 MiB or 1 GiB.
    pub page_bytes: u64,
    /// Whether it can be written.
    pub is_writable: bool,
    /// Whether it can be executed.
    pub is_executable: bool,
}

/// Addresses around one that leads nowhere: all that its absent entry would map. The last address is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The first address.
    pub first: u64,
    /// The last address.
    pub last: u64,
}

/// A table of an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TablePlace {
    /// 4 for the top table, 1 for a table of pages of 4 KiB.
    pub level: u32,
    /// The first address that it maps.
    pub first: u64,
}

/// Where an address leads.
///
/// # Errors
///
/// The [`Hole`] around an address that is not mapped.
pub fn translate(tables: &(impl Tables + ?Sized), address: u64) -> Result<Mapping, Hole> {
    if !is_canonical(address) {
        return Err(Hole { first: 1 << 47, last: !(1 << 47) });
    }
    let (mut table, mut level) = (tables.top(), TOP);
    let (mut is_writable, mut is_executable) = (true, true);
    loop {
        let entry = tables.entry(table, index(address, level));
        let span_bytes = span_bytes(level);
        let inside = span_bytes.wrapping_sub(1);
        if entry & PRESENT == 0 {
            return Err(Hole { first: address & !inside, last: address | inside });
        }
        is_writable &= entry & WRITABLE != 0;
        is_executable &= entry & NO_EXECUTE == 0;
        if is_page(entry, level) {
            let physical = entry & ADDRESS & !inside | address & inside;
            return Ok(Mapping { physical, page_bytes: span_bytes, is_writable, is_executable });
        }
        (table, level) = (entry & ADDRESS, level.saturating_sub(1));
    }
}

/// The table in a frame, if it is one of this address space.
pub fn find_table(tables: &(impl Tables + ?Sized), frame: u64) -> Option<TablePlace> {
    if tables.top() == frame {
        return Some(TablePlace { level: TOP, first: 0 });
    }
    let mut found = None;
    visit(tables, &(0..u64::MAX), tables.top(), TOP, 0, &mut |entry, level, first| {
        if !is_page(entry, level) && entry & ADDRESS == frame {
            found = Some(TablePlace { level: level.saturating_sub(1), first });
        }
        found.is_none()
    });
    found
}

/// An address in `span` that leads to the start of a frame.
pub fn find_page(tables: &(impl Tables + ?Sized), span: &Range<u64>, frame: u64) -> Option<u64> {
    let mut found = None;
    visit(tables, span, tables.top(), TOP, 0, &mut |entry, level, first| {
        let offset = frame.wrapping_sub(entry & ADDRESS & !span_bytes(level).wrapping_sub(1));
        if is_page(entry, level) && offset < span_bytes(level) {
            let address = first.wrapping_add(offset);
            found = span.contains(&address).then_some(address);
        }
        found.is_none()
    });
    found
}

/// Passes the entries of a table, which starts at `base`, and of those below it that are present and map addresses in
/// `span`, to `look`, until that returns false: entry, level, first address. Returns whether it always was true.
fn visit(
    tables: &(impl Tables + ?Sized),
    span: &Range<u64>,
    table: u64,
    level: u32,
    base: u64,
    look: &mut dyn FnMut(u64, u32, u64) -> bool,
) -> bool {
    (0..ENTRIES).all(|number| {
        let mut first = base | (number as u64) << shift(level);
        if level == TOP && number >= ENTRIES / 2 {
            // Sign extension.
            first |= 0xffff << 48;
        }
        let last = first | span_bytes(level).wrapping_sub(1);
        if last < span.start || first >= span.end {
            return true;
        }
        let entry = tables.entry(table, number);
        if entry & PRESENT == 0 {
            return true;
        }
        let has_more = !is_page(entry, level) && !tables.is_shared(entry & ADDRESS);
        look(entry, level, first)
            && (!has_more || visit(tables, span, entry & ADDRESS, level.saturating_sub(1), first, look))
    })
}

fn is_page(entry: u64, level: u32) -> bool {
    level <= 1 || (level <= MAX_PAGE_LEVEL && entry & LARGE != 0)
}

/// The lowest bit of the index at this level, from 1 to 4.
fn shift(level: u32) -> u32 {
    level.saturating_sub(1).saturating_mul(9).saturating_add(12)
}

/// Bytes that an entry of this level maps.
fn span_bytes(level: u32) -> u64 {
    1 << shift(level)
}

fn index(address: u64, level: u32) -> usize {
    (address >> shift(level)) as usize % ENTRIES
}
