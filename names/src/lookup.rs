//! Resolves an address to the functions that contain it, innermost first.

use arrayvec::ArrayVec;
use gimli::{AttributeValue, DW_TAG_inlined_subroutine, UnitRef};

use crate::entries::Entry;
use crate::function::Name;
use crate::index::{Index, IndexedUnit, Slice};

/// Maximum depth of inlining; deeper functions are left out.
const MAX_INLINED: usize = 64;
/// Maximum length of a chain of entries that leads to a name.
const MAX_REFERENCES: usize = 8;

/// A function that contains an address, and the source line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The function's name.
    pub name: Option<Name<'a>>,
    /// The directory in which the unit was compiled.
    pub base: &'a str,
    /// The source file's directory, absolute or relative to `base`.
    pub directory: &'a str,
    /// The source file, absolute or relative to `directory`.
    pub file: &'a str,
    /// The line; 0 if unknown.
    pub line: u32,
    /// Whether the function was inlined into that of the next place.
    pub is_inlined: bool,
}

impl<'a> Index<'a> {
    /// Passes the functions that contain `address` to `visit`, from the innermost inlined one outward.
    ///
    /// # Errors
    ///
    /// The debug information of this function is corrupt.
    pub fn look_up(&self, address: u64, visit: &mut dyn FnMut(&Place<'a>)) -> gimli::Result<()> {
        let Some(function) = self.function(address) else { return self.look_up_line(address, visit) };
        let Some(indexed) = self.units.get(function.unit) else { return Ok(()) };
        let unit = indexed.unit.unit_ref(&self.dwarf);
        let mut chain = ArrayVec::<Entry<'a>, MAX_INLINED>::new();
        let mut entries = indexed.unit.entries_raw(Some(function.entry))?;
        let (mut depth, mut left_out) = (0, None);
        while !entries.is_empty() {
            let entry_depth = entries.next_depth();
            if !chain.is_empty() && entry_depth <= depth {
                break;
            }
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            if !chain.is_empty() && abbreviation.tag() != DW_TAG_inlined_subroutine {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            let entry = Entry::read(unit, abbreviation, &mut entries)?;
            if chain.is_empty() || entry.contains(unit, address)? {
                depth = entry_depth;
                if chain.try_push(entry).is_err() {
                    left_out = Some((entry.call_file, entry.call_line));
                    break;
                }
            }
        }
        let innermost = if left_out.is_some() { left_out } else { row(indexed, address)? };
        let (mut file, mut line) = innermost.unwrap_or_default();
        for (number, entry) in chain.iter().enumerate().rev() {
            let mut place = source_file(indexed, unit, file);
            place.name = self.name_of(entry, indexed)?;
            place.line = line.try_into().unwrap_or(0);
            place.is_inlined = number > 0;
            visit(&place);
            (file, line) = (entry.call_file, entry.call_line);
        }
        Ok(())
    }

    /// With line tables only (`debug = "line-tables-only"`), functions without inlined calls have no entry: the line is
    /// known, but not the name.
    fn look_up_line(&self, address: u64, visit: &mut dyn FnMut(&Place<'a>)) -> gimli::Result<()> {
        for indexed in &self.units {
            if let Some((file, line)) = row(indexed, address)? {
                let mut place = source_file(indexed, indexed.unit.unit_ref(&self.dwarf), file);
                place.line = line.try_into().unwrap_or(0);
                visit(&place);
                break;
            }
        }
        Ok(())
    }

    /// The name in an entry, or in the one that it refers to.
    fn name_of(&self, entry: &Entry<'a>, indexed: &IndexedUnit<'a>) -> gimli::Result<Option<Name<'a>>> {
        let (mut entry, mut indexed) = (*entry, indexed);
        for _ in 0..MAX_REFERENCES {
            let unit = indexed.unit.unit_ref(&self.dwarf);
            let text = |value| Ok::<_, gimli::Error>(unit.attr_string(value)?.to_string().ok());
            if let Some(value) = entry.linkage_name {
                return Ok(text(value)?.map(Name::Mangled));
            }
            if let Some(value) = entry.name {
                return Ok(text(value)?.map(Name::Plain));
            }
            let offset = match entry.origin {
                Some(AttributeValue::UnitRef(offset)) => offset,
                Some(AttributeValue::DebugInfoRef(offset)) => {
                    let starts_before = |other: &IndexedUnit<'_>| {
                        other.unit.header.debug_info_offset().is_some_and(|start| start.0 <= offset.0)
                    };
                    let after = self.units.partition_point(starts_before);
                    let Some(other) = after.checked_sub(1).and_then(|number| self.units.get(number)) else {
                        return Ok(None);
                    };
                    let Some(offset) = offset.to_unit_offset(&other.unit.header) else { return Ok(None) };
                    indexed = other;
                    offset
                }
                _ => return Ok(None),
            };
            let unit = indexed.unit.unit_ref(&self.dwarf);
            let mut entries = indexed.unit.entries_raw(Some(offset))?;
            let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(None) };
            entry = Entry::read(unit, abbreviation, &mut entries)?;
        }
        Ok(None)
    }
}

/// File and line of the code at an address.
fn row(indexed: &IndexedUnit<'_>, address: u64) -> gimli::Result<Option<(u64, u64)>> {
    let Some(lines) = &indexed.lines else { return Ok(None) };
    let after = lines.sequences.partition_point(|sequence| sequence.start <= address);
    let Some(sequence) = after.checked_sub(1).and_then(|number| lines.sequences.get(number)) else {
        return Ok(None);
    };
    if address >= sequence.end {
        return Ok(None);
    }
    let mut rows = lines.program.resume_from(sequence);
    let mut found = None;
    while let Some((_, row)) = rows.next_row()? {
        if row.address() > address || row.end_sequence() {
            break;
        }
        found = Some((row.file_index(), row.line().map_or(0, u64::from)));
    }
    Ok(found)
}

/// A place with the source file of a unit; name and line are not set.
fn source_file<'a>(indexed: &IndexedUnit<'a>, unit: UnitRef<'_, Slice<'a>>, file: u64) -> Place<'a> {
    let text = |value| unit.attr_string(value).ok()?.to_string().ok();
    let header = indexed.lines.as_ref().map(|lines| lines.program.header());
    let entry = header.and_then(|header| Some((header, header.file(file)?)));
    Place {
        name: None,
        base: indexed.unit.comp_dir.and_then(|directory| directory.to_string().ok()).unwrap_or_default(),
        directory: entry.and_then(|(header, entry)| text(entry.directory(header)?)).unwrap_or_default(),
        file: entry.and_then(|(_, entry)| text(entry.path_name())).unwrap_or_default(),
        line: 0,
        is_inlined: false,
    }
}
