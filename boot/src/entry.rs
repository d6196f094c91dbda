//! The assembly, and the one look at the loader's memory.

use core::arch::global_asm;
use core::slice;

use crate::error::BootError;

global_asm!(include_str!("header.s"));
global_asm!(include_str!("entry.s"));

/// The most that boot information may take: GRUB's with a full memory map and section table has some
/// kilobytes.
const MAX_BYTES: u32 = 1 << 20;

/// The boot information as the loader left it.
///
/// # Errors
///
/// [`BootError::Size`] when the size that it claims cannot be true.
///
/// # Safety
///
/// `physical` is the address that the loader passed, everything below 4 GiB is mapped at
/// `direct_map + physical address`, and nothing writes there while the slice is in use.
pub unsafe fn read_boot_information(physical: u32, direct_map: usize) -> Result<&'static [u8], BootError> {
    let start = direct_map.wrapping_add(physical as usize);
    if physical == 0 || !physical.is_multiple_of(8) {
        return Err(BootError::Address { address: physical });
    }
    // SAFETY: the loader wrote at least the 8 bytes of the fixed part; the address is aligned.
    let size_bytes = unsafe { (start as *const u32).read() };
    if !(8..=MAX_BYTES).contains(&size_bytes) || physical.checked_add(size_bytes).is_none() {
        return Err(BootError::Size { size_bytes });
    }
    // SAFETY: below 4 GiB, so mapped; the caller keeps writers away.
    Ok(unsafe { slice::from_raw_parts(start as *const u8, size_bytes as usize) })
}
