//! The index of functions and line tables, so that a lookup reads only a little of the debug information.

use alloc::vec::Vec;

use gimli::{
    CompleteLineProgram, DW_TAG_subprogram, Dwarf, EndianSlice, LineProgramHeader, LineSequence,
    LittleEndian, Section, Unit, UnitOffset,
};

use crate::budget::Budget;
use crate::entries::Entry;

pub(crate) type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Minimum size of debug information per range of code: an entry with its names, or a pair of addresses. This limits the
/// number of ranges in corrupt data, where many entries may share a list; compilers do not make such.
const MIN_RANGE_BYTES: usize = 8;

/// The sections of a program that hold its debug information.
#[derive(Debug)]
pub struct Sections<'a>(Dwarf<Slice<'a>>);

impl<'a> Sections<'a> {
    /// Calls `find` for each section by name. Missing sections count as empty.
    pub fn find(find: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let load = |id: gimli::SectionId| {
            Ok::<_, gimli::Error>(EndianSlice::new(find(id.name()).unwrap_or_default(), LittleEndian))
        };
        Self(Dwarf::load(load).unwrap_or_default())
    }

    /// Whether there is no debug information.
    pub fn is_empty(&self) -> bool {
        self.0.units().next().ok().flatten().is_none()
    }
}

/// A range of a function's code, and the function's entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) unit: usize,
    pub(crate) entry: UnitOffset<usize>,
}

/// A unit with its line table.
#[derive(Debug)]
pub(crate) struct IndexedUnit<'a> {
    pub(crate) unit: Unit<Slice<'a>>,
    pub(crate) lines: Option<Lines<'a>>,
}

#[derive(Debug)]
pub(crate) struct Lines<'a> {
    pub(crate) program: CompleteLineProgram<Slice<'a>>,
    /// Sorted by address.
    pub(crate) sequences: Vec<LineSequence<Slice<'a>>>,
}

/// The index of a program's debug information. Functions are sorted by address.
#[derive(Debug)]
pub struct Index<'a> {
    pub(crate) dwarf: Dwarf<Slice<'a>>,
    /// Sorted by offset.
    pub(crate) units: Vec<IndexedUnit<'a>>,
    pub(crate) functions: Vec<Function>,
}

impl<'a> Index<'a> {
    /// Builds the index; reads all entries and line tables once. Unreadable parts are left out, and so is everything from
    /// the unit on that exceeds the budget.
    pub fn build(sections: Sections<'a>) -> Self {
        let mut dwarf = sections.0;
        let ranges = dwarf
            .ranges
            .debug_ranges()
            .reader()
            .len()
            .saturating_add(dwarf.ranges.debug_rnglists().reader().len());
        let max_functions = dwarf.debug_info.reader().len().saturating_add(ranges) / MIN_RANGE_BYTES;
        let mut budget = Budget::new(&dwarf);
        if budget.are_abbreviations_sound() {
            dwarf.populate_abbreviations_cache(gimli::AbbreviationsCacheStrategy::Duplicates);
        }
        let mut index = Self { dwarf, units: Vec::new(), functions: Vec::new() };
        let mut headers = index.dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            if !budget.take_abbreviations(&index.dwarf, header.debug_abbrev_offset()) {
                break;
            }
            if let Ok(mut unit) = index.dwarf.unit(header) {
                let table_bytes =
                    unit.line_program.as_ref().map_or(0, |program| line_table_bytes(program.header()));
                if !budget.take(table_bytes) {
                    break;
                }
                // Functions up to the first broken entry are kept.
                let _ = index.add_functions(&unit, max_functions);
                let lines = unit.line_program.take().and_then(|program| program.sequences().ok());
                let lines = lines.map(|(program, mut sequences)| {
                    sequences.sort_unstable_by_key(|sequence| sequence.start);
                    Lines { program, sequences }
                });
                index.units.push(IndexedUnit { unit, lines });
            }
        }
        index.functions.sort_unstable_by_key(|function| function.start);
        index
    }

    /// Number of code ranges of functions.
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// Adds the functions of a unit, up to `max_functions` in total.
    fn add_functions(&mut self, unit: &Unit<Slice<'a>>, max_functions: usize) -> gimli::Result<()> {
        let number = self.units.len();
        let unit_ref = unit.unit_ref(&self.dwarf);
        let functions = &mut self.functions;
        let mut entries = unit.entries_raw(None)?;
        while !entries.is_empty() {
            let offset = entries.next_offset();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            if abbreviation.tag() != DW_TAG_subprogram {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            let entry = Entry::read(unit_ref, abbreviation, &mut entries)?;
            entry.for_each_range(unit_ref, |start, end| {
                // The linker sets the address of removed functions to 0.
                if start != 0 && functions.len() < max_functions {
                    functions.push(Function { start, end, unit: number, entry: offset });
                }
                functions.len() >= max_functions
            })?;
        }
        Ok(())
    }

    /// The function that contains `address`.
    pub(crate) fn function(&self, address: u64) -> Option<&Function> {
        let after = self.functions.partition_point(|function| function.start <= address);
        self.functions.get(after.checked_sub(1)?).filter(|function| address < function.end)
    }
}

/// The bytes of a line table, its header included.
fn line_table_bytes(header: &LineProgramHeader<Slice<'_>>) -> usize {
    header.header_length().saturating_add(header.raw_program_buf().len())
}
