//! The entry of a function in the debug information: the attributes used here, and its code ranges.

use gimli::{Abbreviation, AttributeValue, EntriesRaw, RangeListsOffset, UnitRef, constants as dw};

use crate::index::Slice;

/// Maximum number of ranges read for one entry: corrupt data may refer to a list as long as its section.
const MAX_RANGES: usize = 4096;

/// A function, or an inlined copy of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) linkage_name: Option<AttributeValue<Slice<'a>>>,
    pub(crate) name: Option<AttributeValue<Slice<'a>>>,
    /// The entry that has the name, if this one is an inlined copy or refers to its declaration.
    pub(crate) origin: Option<AttributeValue<Slice<'a>>>,
    /// Where the copy was called.
    pub(crate) call_file: u64,
    pub(crate) call_line: u64,
    low: Option<u64>,
    high: Option<AttributeValue<Slice<'a>>>,
    ranges: Option<RangeListsOffset<usize>>,
}

impl<'a> Entry<'a> {
    /// Reads the attributes that `abbreviation` lists.
    pub(crate) fn read(
        unit: UnitRef<'_, Slice<'a>>,
        abbreviation: &Abbreviation,
        entries: &mut EntriesRaw<'_, Slice<'a>>,
    ) -> gimli::Result<Self> {
        let mut entry = Self {
            linkage_name: None,
            name: None,
            origin: None,
            call_file: 0,
            call_line: 0,
            low: None,
            high: None,
            ranges: None,
        };
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification)?;
            let value = attribute.value();
            match attribute.name() {
                dw::DW_AT_linkage_name => entry.linkage_name = Some(value),
                dw::DW_AT_name => entry.name = Some(value),
                dw::DW_AT_abstract_origin | dw::DW_AT_specification => entry.origin = Some(value),
                dw::DW_AT_call_line => entry.call_line = attribute.udata_value().unwrap_or(0),
                dw::DW_AT_call_file => {
                    entry.call_file = match value {
                        AttributeValue::FileIndex(index) => index,
                        _ => attribute.udata_value().unwrap_or(0),
                    }
                }
                dw::DW_AT_low_pc => entry.low = unit.attr_address(value)?,
                dw::DW_AT_high_pc => entry.high = Some(value),
                dw::DW_AT_ranges => entry.ranges = unit.attr_ranges_offset(value)?,
                _ => {}
            }
        }
        Ok(entry)
    }

    /// Passes each range of code, start and end, to `visit`, until that returns true.
    pub(crate) fn for_each_range(
        &self,
        unit: UnitRef<'_, Slice<'a>>,
        mut visit: impl FnMut(u64, u64) -> bool,
    ) -> gimli::Result<()> {
        if let Some(offset) = self.ranges {
            let mut ranges = unit.ranges(offset)?;
            for _ in 0..MAX_RANGES {
                let Some(range) = ranges.next()? else { break };
                if range.begin < range.end && visit(range.begin, range.end) {
                    break;
                }
            }
            return Ok(());
        }
        let (Some(low), Some(high)) = (self.low, self.high) else { return Ok(()) };
        let high = match high {
            AttributeValue::Udata(size_bytes) => low.checked_add(size_bytes),
            address => unit.attr_address(address)?,
        };
        if let Some(high) = high.filter(|high| low < *high) {
            visit(low, high);
        }
        Ok(())
    }

    pub(crate) fn contains(&self, unit: UnitRef<'_, Slice<'a>>, address: u64) -> gimli::Result<bool> {
        let mut is_inside = false;
        self.for_each_range(unit, |start, end| {
            is_inside = (start..end).contains(&address);
            is_inside
        })?;
        Ok(is_inside)
    }
}
