//! The framebuffer that the boot loader set up, if its description is plausible.

use multiboot2::{FramebufferField, FramebufferTag, FramebufferType};
use x86::bits64::paging::PAddr;

/// Maximum width and height in pixels.
const MAX_PIXELS: u32 = 16384;
/// Maximum size of a line of pixels in bytes.
const MAX_PITCH_BYTES: u32 = 1 << 18;
/// Maximum size of a text screen.
const MAX_COLUMNS: u32 = 240;
const MAX_ROWS: u32 = 120;
/// Pixels must end below the first physical address, text below the second.
const PIXELS_END: u64 = 1 << 46;
const TEXT_END: u64 = 1 << 20;

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framebuffer {
    /// Pixels in memory.
    Rgb {
        /// The first pixel.
        address: PAddr,
        /// Bytes from one line to the next.
        pitch_bytes: u32,
        /// Pixels a line.
        width: u32,
        /// Lines.
        height: u32,
        /// Bits a pixel.
        bits_per_pixel: u8,
        /// Where red, green and blue stand in a pixel.
        fields: [PixelField; 3],
    },
    /// Characters with attributes, as of the VGA.
    Text {
        /// The first character.
        address: PAddr,
        /// Characters a line.
        columns: u32,
        /// Lines.
        rows: u32,
    },
}

/// The bits of one colour in a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelField {
    /// The lowest bit.
    pub position: u8,
    /// How many bits.
    pub size: u8,
}

impl From<FramebufferField> for PixelField {
    fn from(field: FramebufferField) -> Self {
        Self { position: field.position, size: field.size }
    }
}

impl Framebuffer {
    /// The screen of a well-formed tag; `None` if its description is implausible.
    pub(crate) fn read(tag: &FramebufferTag) -> Option<Self> {
        let screen = match tag.buffer_type().ok()? {
            FramebufferType::RGB { red, green, blue } => Self::Rgb {
                address: PAddr(tag.address()),
                pitch_bytes: tag.pitch(),
                width: tag.width(),
                height: tag.height(),
                bits_per_pixel: tag.bpp(),
                fields: [red.into(), green.into(), blue.into()],
            },
            FramebufferType::Text => {
                Self::Text { address: PAddr(tag.address()), columns: tag.width(), rows: tag.height() }
            }
            FramebufferType::Indexed { .. } => return None,
        };
        screen.is_plausible().then_some(screen)
    }

    fn is_plausible(&self) -> bool {
        match *self {
            Self::Rgb { address, pitch_bytes, width, height, bits_per_pixel, fields } => {
                let line_bytes = u64::from(width).saturating_mul(bits_per_pixel.div_ceil(8).into());
                let size_bytes = u64::from(pitch_bytes).saturating_mul(height.into());
                matches!(bits_per_pixel, 15 | 16 | 24 | 32)
                    && (1..=MAX_PIXELS).contains(&width)
                    && (1..=MAX_PIXELS).contains(&height)
                    && line_bytes <= u64::from(pitch_bytes)
                    && pitch_bytes <= MAX_PITCH_BYTES
                    && address.0.checked_add(size_bytes).is_some_and(|end| end < PIXELS_END)
                    && fields.iter().all(|field| field.size <= 8 && field.position < 32)
            }
            Self::Text { address, columns, rows } => {
                (1..=MAX_COLUMNS).contains(&columns) && (1..=MAX_ROWS).contains(&rows) && address.0 < TEXT_END
            }
        }
    }
}
