//! The few ACPI tables that are needed to power off and restart.
//!
//! The crate `acpi` interprets the firmware's byte code and needs a heap for it. To power off, two registers and two small
//! constants are enough; they are found without any allocation, so this works when the heap is full.
//! Source: ACPI Specification 6.4, sections 5.2.5 to 5.2.9, 4.8.3.2 and 7.4.2.

use arrayvec::ArrayVec;
use core::slice;
use spin::Once;

use super::{PAddr, devices};

const HEADER_BYTES: usize = 36;
/// Flag of the FADT: there is a reset register.
const RESET_SUPPORTED: u32 = 1 << 10;
/// Address space of a register: I/O ports.
const IN_PORT_SPACE: u8 = 1;
/// Maximum size of a table. The DSDT of a large machine has some 100 KiB.
const MAX_TABLE_BYTES: usize = 1 << 20;

/// How to power off and restart the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exits {
    /// The ports of the power management control registers A and B; 0 if there is none.
    pub(crate) control_ports: [u16; 2],
    /// The values of the sleep type fields to power off.
    pub(crate) sleep_types: [u8; 2],
    /// The port and value that restart the machine.
    pub(crate) reset: Option<(u16, u8)>,
}

static ROOT: Once<ArrayVec<u8, 36>> = Once::new();

/// Keeps the root pointer that the boot loader handed over.
pub(crate) fn init(root_pointer: &ArrayVec<u8, 36>) {
    ROOT.call_once(|| root_pointer.clone());
}

/// Reads the tables. `None` where they are missing or damaged.
pub(crate) fn exits() -> Option<Exits> {
    let root = Fields(ROOT.get()?);
    if root.0.get(..8)? != b"RSD PTR " {
        return None;
    }
    let (list, entry_bytes) = match root.u64(24) {
        Some(extended) if extended != 0 => (PAddr(extended), 8),
        _ => (PAddr(root.u32(16)?.into()), 4),
    };
    let list = table(list)?;
    let entries = list.0.get(HEADER_BYTES..)?.chunks_exact(entry_bytes);
    let fixed = entries.filter_map(|entry| {
        let mut address = [0; 8];
        address.get_mut(..entry_bytes)?.copy_from_slice(entry);
        table(PAddr(u64::from_le_bytes(address))).filter(|table| table.0.starts_with(b"FACP"))
    });
    let fixed = fixed.into_iter().next()?;
    let mut exits =
        Exits { control_ports: [fixed.u32(64)? as u16, fixed.u32(68)? as u16], ..Exits::default() };
    if fixed.u32(112)? & RESET_SUPPORTED != 0 && fixed.byte(116) == Some(IN_PORT_SPACE) {
        exits.reset = fixed.u64(120).map(|port| port as u16).zip(fixed.byte(128));
    }
    if let Some(types) = table(PAddr(fixed.u32(40)?.into())).and_then(|code| sleep_types(code.0)) {
        exits.sleep_types = types;
    }
    Some(exits)
}

/// Looks for the package `\_S5` in the byte code: its first two elements are the sleep types.
fn sleep_types(code: &[u8]) -> Option<[u8; 2]> {
    const PACKAGE: u8 = 0x12;
    const BYTE_PREFIX: u8 = 0x0a;
    let at = code.windows(4).position(|window| window == b"_S5_")?;
    let mut rest = code.get(at + 4..)?;
    if *rest.first()? != PACKAGE {
        return None;
    }
    // The two highest bits of the package's length byte are the number of further length bytes; then follows the count.
    let length_bytes = 1 + usize::from(*rest.get(1)? >> 6);
    rest = rest.get(1 + length_bytes + 1..)?;
    let mut element = || {
        let mut value = *rest.first()?;
        rest = rest.get(1..)?;
        if value == BYTE_PREFIX {
            value = *rest.first()?;
            rest = rest.get(1..)?;
        }
        Some(value)
    };
    Some([element()?, element()?])
}

/// The table at a physical address, if its length and checksum hold.
fn table(physical: PAddr) -> Option<Fields<'static>> {
    let length = Fields(bytes(physical, HEADER_BYTES)?).u32(4)? as usize;
    if !(HEADER_BYTES..=MAX_TABLE_BYTES).contains(&length) {
        return None;
    }
    let table = bytes(physical, length)?;
    let sum = table.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    (sum == 0).then_some(Fields(table))
}

fn bytes(physical: PAddr, size_bytes: usize) -> Option<&'static [u8]> {
    if physical == PAddr::zero() {
        return None;
    }
    let start = devices::map(physical, size_bytes)?;
    // SAFETY: just mapped with this length, and never unmapped; firmware tables do not change.
    Some(unsafe { slice::from_raw_parts(start.as_ptr(), size_bytes) })
}

/// Checked access to little-endian fields.
#[derive(Clone, Copy, Debug)]
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn byte(self, offset: usize) -> Option<u8> {
        self.0.get(offset).copied()
    }

    fn u32(self, offset: usize) -> Option<u32> {
        self.0.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
    }

    fn u64(self, offset: usize) -> Option<u64> {
        self.0.get(offset..)?.first_chunk().copied().map(u64::from_le_bytes)
    }
}
