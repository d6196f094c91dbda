//! The assembly, and the one look at the loader's memory.

use core::arch::global_asm;
use core::slice;

use spleen_font::FONT_8X16;

use crate::error::BootError;

global_asm!(include_str!("header.s"));
global_asm!(include_str!("entry.s"), font = sym GLYPHS);

const GLYPH_BYTES: usize = 16;
const GLYPH_COUNT: usize = 128;

/// The letters of ASCII for what the entry code says on a framebuffer: a byte for each row of eight pixels.
static GLYPHS: [[u8; GLYPH_BYTES]; GLYPH_COUNT] = {
    // A PSF version 1 file: two magic bytes, the mode, the bytes a letter, then the letters in the order of ASCII.
    let [0x36, 0x04, _, 16, letters @ ..] = FONT_8X16 else { panic!("the font has another form") };
    match letters.as_chunks::<GLYPH_BYTES>().0.first_chunk() {
        Some(glyphs) => *glyphs,
        None => panic!("the font has all letters of ASCII"),
    }
};

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
/// `physical` is the address that the loader passed, `start` is where that is mapped, with everything else below
/// 4 GiB behind it, and nothing writes there while the slice is in use.
pub unsafe fn read_boot_information(physical: u32, start: *const u8) -> Result<&'static [u8], BootError> {
    if physical == 0 || !physical.is_multiple_of(8) {
        return Err(BootError::Address { address: physical });
    }
    // SAFETY: the loader wrote at least the 8 bytes of the fixed part.
    let size_bytes = u32::from_le_bytes(unsafe { start.cast::<[u8; 4]>().read() });
    if !(8..=MAX_BYTES).contains(&size_bytes) || physical.checked_add(size_bytes).is_none() {
        return Err(BootError::Size { size_bytes });
    }
    // SAFETY: below 4 GiB, so mapped; the caller keeps writers away.
    Ok(unsafe { slice::from_raw_parts(start, size_bytes as usize) })
}
