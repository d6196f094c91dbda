//! The program headers of a 64-bit ELF file (System V ABI, "Object Files"), as much as the checks need.

use crate::error::{Error, Result};

/// `p_flags`
pub(crate) const EXECUTE: u32 = 1;
pub(crate) const WRITE: u32 = 2;
/// `p_type` of a segment that is loaded.
const PT_LOAD: u32 = 1;

/// One loaded segment.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(crate) flags: u32,
    pub(crate) virtual_address: u64,
    pub(crate) physical_address: u64,
    pub(crate) memory_size: u64,
}

/// The loaded segments of a little-endian 64-bit ELF file.
pub(crate) fn loaded_segments(file: &[u8]) -> Result<Vec<Segment>> {
    read_segments(file).ok_or_else(|| Error::Wrong("not a whole 64-bit ELF file".into()))
}

fn read_segments(file: &[u8]) -> Option<Vec<Segment>> {
    // EI_CLASS 2 is 64 bits, EI_DATA 1 is little-endian.
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = usize::try_from(read_u64(file, 32)?).ok()?;
    let entry_size = usize::from(read_u16(file, 54)?);
    let mut segments = Vec::new();
    for index in 0..usize::from(read_u16(file, 56)?) {
        let entry = file.get(table.checked_add(index.checked_mul(entry_size)?)?..)?;
        if read_u32(entry, 0)? == PT_LOAD {
            segments.push(Segment {
                flags: read_u32(entry, 4)?,
                virtual_address: read_u64(entry, 16)?,
                physical_address: read_u64(entry, 24)?,
                memory_size: read_u64(entry, 40)?,
            });
        }
    }
    Some(segments)
}

fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn read_u64(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::loaded_segments;

    #[test]
    fn own_program_has_segments_and_cut_ones_are_refused() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(loaded_segments(&own).unwrap().len() >= 2);
        for length in 0..64 {
            assert!(loaded_segments(&own[..length]).is_err());
        }
    }
}
