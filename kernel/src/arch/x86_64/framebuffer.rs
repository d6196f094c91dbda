//! A screen of pixels, with letters from a bitmap font.

use core::ptr::NonNull;

use boot::{Framebuffer, PixelField};
use spleen_font::FONT_8X16;

use crate::console::screen::{Cell, Display};

const GLYPH_WIDTH: usize = 8;
const GLYPH_HEIGHT: usize = 16;
/// The font file's head: magic, mode and letter height (PC Screen Font 1). The crate's own reader (0.2.0)
/// takes the last two in the wrong order, so the letters are cut out here.
const FONT_HEAD_BYTES: usize = 4;
/// Rows of a letter that the cursor fills, at its foot.
const CURSOR_ROWS: usize = 2;

/// Red, green and blue of the terminal's sixteen colours.
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

/// A linear framebuffer.
pub(crate) struct Pixels {
    start: NonNull<u8>,
    pitch_bytes: usize,
    width: usize,
    height: usize,
    pixel_bytes: usize,
    palette: [u32; 16],
}

// SAFETY: the memory is the display's; whoever has this value is its only user.
unsafe impl Send for Pixels {}

impl Pixels {
    /// Maps the framebuffer and clears it. `None` for a format that is not RGB, or without frames to map it.
    pub(crate) fn new(framebuffer: Framebuffer) -> Option<Self> {
        let Framebuffer::Rgb { address, pitch_bytes, width, height, bits_per_pixel, fields } = framebuffer
        else {
            return None;
        };
        let start = crate::memory::map_device(address, pitch_bytes as usize * height as usize)?;
        let mut display = Self {
            start,
            pitch_bytes: pitch_bytes as usize,
            width: width as usize,
            height: height as usize,
            pixel_bytes: usize::from(bits_per_pixel.div_ceil(8)),
            palette: PALETTE.map(|colour| pixel(colour, &fields)),
        };
        display.fill(display.palette[0]);
        Some(display)
    }

    fn fill(&mut self, value: u32) {
        for y in 0..self.height {
            for x in 0..self.width {
                self.put(x, y, value);
            }
        }
    }

    #[inline]
    fn put(&mut self, x: usize, y: usize, value: u32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let offset = y * self.pitch_bytes + x * self.pixel_bytes;
        // SAFETY: the pixel lies inside the mapped framebuffer: a line's pixels fit into its pitch, as the
        // boot information's parser made sure.
        unsafe {
            let start = self.start.add(offset);
            match self.pixel_bytes {
                4 => start.cast::<u32>().write_volatile(value),
                2 => start.cast::<u16>().write_volatile(value as u16),
                _ => {
                    for (place, byte) in value.to_le_bytes().into_iter().take(self.pixel_bytes).enumerate() {
                        start.add(place).write_volatile(byte);
                    }
                }
            }
        }
    }
}

/// A colour in the display's own format.
fn pixel(colour: [u8; 3], fields: &[PixelField; 3]) -> u32 {
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
        let first = FONT_HEAD_BYTES + usize::from(cell.character) * GLYPH_HEIGHT;
        let glyph = FONT_8X16.get(first..first + GLYPH_HEIGHT).unwrap_or_default();
        let foreground = self.palette[usize::from(cell.colours & 15)];
        let background = self.palette[usize::from(cell.colours >> 4)];
        for y in 0..GLYPH_HEIGHT {
            let is_cursor_row = is_cursor && y >= GLYPH_HEIGHT - CURSOR_ROWS;
            let bits = if is_cursor_row { 0xff } else { glyph.get(y).copied().unwrap_or(0) };
            for x in 0..GLYPH_WIDTH {
                let value = if bits & (0x80 >> x) != 0 { foreground } else { background };
                self.put(column * GLYPH_WIDTH + x, row * GLYPH_HEIGHT + y, value);
            }
        }
    }
}
