//! Limits how much debug information an index reads: in total, no more than the sections hold.
//!
//! Units refer to abbreviations and line tables by offset. In corrupt data, thousands of units may refer to one long
//! table, and reading it for each of them would take time and memory that grow with the square of the size.

use alloc::vec::Vec;

use gimli::{DebugAbbrevOffset, Dwarf, Reader, Section, constants as dw};

use crate::index::Slice;

/// Bytes that may still be read.
pub(crate) struct Budget {
    bytes: usize,
    /// Whether the tables of abbreviations do not overlap. If so, reading them is not counted.
    are_abbreviations_sound: bool,
}

impl Budget {
    /// A budget of the size of the sections.
    pub(crate) fn new(dwarf: &Dwarf<Slice<'_>>) -> Self {
        let abbreviations = dwarf.debug_abbrev.reader().len();
        let mut offsets = Vec::new();
        let mut headers = dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            offsets.push(header.debug_abbrev_offset().0);
        }
        offsets.sort_unstable();
        offsets.dedup();
        // Stops once the sum is too large.
        let sum = offsets.iter().try_fold(0_usize, |sum, offset| {
            let sum = sum.saturating_add(abbreviation_bytes(dwarf, DebugAbbrevOffset(*offset)));
            (sum <= abbreviations).then_some(sum)
        });
        let bytes = abbreviations.saturating_add(dwarf.debug_line.reader().len());
        Self { bytes, are_abbreviations_sound: sum.is_some() }
    }

    /// Whether all tables of abbreviations may be read at once.
    pub(crate) fn are_abbreviations_sound(&self) -> bool {
        self.are_abbreviations_sound
    }

    /// Whether a unit's table of abbreviations may be read. If so, its size is subtracted.
    pub(crate) fn take_abbreviations(&mut self, dwarf: &Dwarf<Slice<'_>>, offset: DebugAbbrevOffset) -> bool {
        self.are_abbreviations_sound || self.take(abbreviation_bytes(dwarf, offset))
    }

    /// Whether `bytes` more may be read. If so, they are subtracted.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(0);
        left.is_some()
    }
}

/// The length of a table of abbreviations, as far as it can be read.
fn abbreviation_bytes(dwarf: &Dwarf<Slice<'_>>, offset: DebugAbbrevOffset) -> usize {
    let section = dwarf.debug_abbrev.reader();
    let Some(bytes) = section.slice().get(offset.0..) else { return 0 };
    let mut rest = Slice::new(bytes, gimli::LittleEndian);
    while let Ok(true) = skip_abbreviation(&mut rest) {}
    bytes.len().saturating_sub(rest.len())
}

/// Skips one abbreviation; false at the end of the table.
fn skip_abbreviation(rest: &mut Slice<'_>) -> gimli::Result<bool> {
    if rest.read_uleb128()? == 0 {
        return Ok(false);
    }
    let _tag = rest.read_uleb128()?;
    let _has_children = rest.read_u8()?;
    loop {
        let (name, form) = (rest.read_uleb128()?, rest.read_uleb128()?);
        if form == u64::from(dw::DW_FORM_implicit_const.0) {
            rest.read_sleb128()?;
        }
        if name == 0 && form == 0 {
            return Ok(true);
        }
    }
}
