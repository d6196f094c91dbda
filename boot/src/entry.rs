//! The entry code in assembly, and access to the boot information in memory.

use core::arch::global_asm;
use core::slice;

use spleen_font::FONT_8X16;

use crate::error::BootError;

global_asm!(include_str!("header.s"));
global_asm!(include_str!("entry.s"), font = sym GLYPHS);

const GLYPH_BYTES: usize = 16;
const GLYPH_COUNT: usize = 128;

/// ASCII glyphs for error messages of the entry code on a framebuffer: one byte per row of eight pixels.
static GLYPHS: [[u8; GLYPH_BYTES]; GLYPH_COUNT] = {
    // A PSF version 1 file: two magic bytes, the mode, the bytes per glyph, then the glyphs in ASCII order.
    let [0x36, 0x04, _, 16, letters @ ..] = FONT_8X16 else { panic!("the font has another form") };
    match letters.as_chunks::<GLYPH_BYTES>().0.first_chunk() {
        Some(glyphs) => *glyphs,
        None => panic!("the font has all letters of ASCII"),
    }
};

/// Maximum size of boot information. That of GRUB, with memory map and section table, is some kilobytes.
const MAX_BYTES: u32 = 1 << 20;

/// The boot information as the loader left it.
///
/// # Errors
///
/// [`BootError::Address`] for an address that is null or not aligned to 8; [`BootError::Size`] for an impossible size.
///
/// # Safety
///
/// `physical` is the address that the loader passed. `start` is where it is mapped, as a part of a mapping of the first
/// 4 GiB. Nothing writes to boot information while the slice is in use.
pub unsafe fn read_boot_information(physical: u32, start: *const u8) -> Result<&'static [u8], BootError> {
    if physical == 0 || !physical.is_multiple_of(8) {
        return Err(BootError::Address { address: physical });
    }
    // SAFETY: mapped, as the caller guarantees, and the loader wrote at least the 8 bytes of the fixed part.
    let size_bytes = u32::from_le_bytes(unsafe { start.cast::<[u8; 4]>().read() });
    if !(8..=MAX_BYTES).contains(&size_bytes) || physical.checked_add(size_bytes).is_none() {
        return Err(BootError::Size { size_bytes });
    }
    // SAFETY: it ends below 4 GiB, so all of it is mapped; the caller guarantees that nothing writes there.
    Ok(unsafe { slice::from_raw_parts(start, size_bytes as usize) })
}
