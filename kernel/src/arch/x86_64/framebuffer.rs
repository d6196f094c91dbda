//! A pixel display, with the bitmap font Spleen.

use core::ptr::NonNull;

use boot::{Framebuffer, PixelField};
use spleen_font::FONT_8X16;

use terminal::{Cell, Display, Unusable};

const GLYPH_WIDTH: usize = 8;
const GLYPH_HEIGHT: usize = 16;
const GLYPH_BYTES: u8 = 16;
/// Height of the cursor in rows, at the bottom of a cell.
const CURSOR_ROWS: usize = 2;

/// Red, green and blue of the sixteen terminal colours.
const PALETTE: [[u8; 3]; 16] = [
    [0x10, 0x12, 0x16],
    [0xc5, 0x3b, 0x3b],
    [0x3f, 0xa3, 0x4d],
    [0xb5, 0x89, 0x2c],
    [0x3d, 0x73, 0xc4],
    [0x9a, 0x55, 0xb3],
    [0x2f, 0x9c, 0xa0],
    [0xc8, 0xcc, 0xd0],
    [0x6b, 0x70, 0x78],
    [0xff, 0x6b, 0x6b],
    [0x6f, 0xd9, 0x7d],
    [0xf2, 0xc8, 0x5b],
    [0x74, 0xa8, 0xff],
    [0xcf, 0x8b, 0xe8],
    [0x62, 0xd6, 0xda],
    [0xff, 0xff, 0xff],
];

/// A linear framebuffer. Copies are handles to the same display.
#[derive(Clone, Copy)]
pub(crate) struct Pixels {
    start: NonNull<u8>,
    pitch_bytes: usize,
    width: usize,
    height: usize,
    pixel_bytes: usize,
    /// Whether every pixel is aligned to its size.
    is_aligned: bool,
    palette: [u32; 16],
    /// The font's glyphs, 16 bytes each: one byte per row, with the left pixel in the highest bit.
    glyphs: &'static [u8],
}

// SAFETY: the memory is the display's, mapped for good, and only written, each pixel on its own: users that
// overlap leave wrong pixels at worst.
unsafe impl Send for Pixels {}
// SAFETY: as for `Send`.
unsafe impl Sync for Pixels {}

impl Pixels {
    /// Maps the framebuffer and clears it.
    pub(crate) fn new(framebuffer: Framebuffer) -> Result<Self, Unusable> {
        let Framebuffer::Rgb { address, pitch_bytes, width, height, bits_per_pixel, fields } = framebuffer
        else {
            return Err(Unusable::Format);
        };
        let (pitch_bytes, width, height) = (pitch_bytes as usize, width as usize, height as usize);
        let pixel_bytes = usize::from(bits_per_pixel.div_ceil(8));
        let is_aligned =
            (address.0 as usize).is_multiple_of(pixel_bytes) && pitch_bytes.is_multiple_of(pixel_bytes);
        let start = super::devices::map(address, pitch_bytes * height).ok_or(Unusable::NoMemory)?;
        let mut display = Self {
            start,
            pitch_bytes,
            width,
            height,
            pixel_bytes,
            is_aligned,
            palette: PALETTE.map(|colour| pixel(colour, fields)),
            glyphs: glyphs().ok_or(Unusable::Format)?,
        };
        let background = display.palette[0];
        for y in 0..height {
            display.fill_line(0, y, core::iter::repeat_n(background, width));
        }
        Ok(display)
    }

    /// Writes pixels from (x, y) to the right, up to the end of the line.
    #[inline]
    fn fill_line(&mut self, x: usize, y: usize, values: impl Iterator<Item = u32>) {
        if y >= self.height || x >= self.width {
            return;
        }
        let values = values.take(self.width - x);
        // SAFETY: the pixels are inside the mapped framebuffer: `y` is one of its lines, there are no more values than
        // pixels from `x` on, and a line's pixels fit into its pitch, as the parser of boot information has checked.
        unsafe {
            let mut place = self.start.add(y * self.pitch_bytes + x * self.pixel_bytes);
            match self.pixel_bytes {
                4 if self.is_aligned => {
                    for value in values {
                        place.cast::<u32>().write_volatile(value);
                        place = place.add(4);
                    }
                }
                2 if self.is_aligned => {
                    for value in values {
                        place.cast::<u16>().write_volatile(value as u16);
                        place = place.add(2);
                    }
                }
                _ => {
                    for value in values {
                        for byte in value.to_le_bytes().into_iter().take(self.pixel_bytes) {
                            place.write_volatile(byte);
                            place = place.add(1);
                        }
                    }
                }
            }
        }
    }
}

/// The font's glyphs; `None` if their height is not the one drawn here.
///
/// The font is a PSF version 1 file: two magic bytes, the mode, the bytes per glyph, then the glyphs in ASCII order. It is
/// read here because the crate's own reader confuses mode and size.
fn glyphs() -> Option<&'static [u8]> {
    match FONT_8X16 {
        [0x36, 0x04, _, GLYPH_BYTES, glyphs @ ..] => Some(glyphs),
        _ => None,
    }
}

/// A colour in the display's own format.
fn pixel(colour: [u8; 3], fields: [PixelField; 3]) -> u32 {
    colour.iter().zip(fields).fold(0, |value, (&part, field)| {
        let part = u32::from(part) >> (8 - field.size.min(8));
        value | part.checked_shl(field.position.into()).unwrap_or(0)
    })
}

impl Display for Pixels {
    fn columns(&self) -> usize {
        self.width / GLYPH_WIDTH
    }

    fn rows(&self) -> usize {
        self.height / GLYPH_HEIGHT
    }

    fn draw(&mut self, row: usize, column: usize, cell: Cell, is_cursor: bool) {
        let glyph = self.glyphs.chunks_exact(GLYPH_HEIGHT).nth(cell.character.into()).unwrap_or_default();
        let foreground = self.palette[usize::from(cell.colours & 15)];
        let background = self.palette[usize::from(cell.colours >> 4)];
        for y in 0..GLYPH_HEIGHT {
            let is_cursor_row = is_cursor && y >= GLYPH_HEIGHT - CURSOR_ROWS;
            let bits = if is_cursor_row { 0xff } else { glyph.get(y).copied().unwrap_or(0) };
            let values =
                (0..GLYPH_WIDTH).map(|x| if bits & (0x80 >> x) == 0 { background } else { foreground });
            self.fill_line(column * GLYPH_WIDTH, row * GLYPH_HEIGHT + y, values);
        }
    }
}
