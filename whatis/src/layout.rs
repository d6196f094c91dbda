//! The parts of the kernel's address space, and which of them an address lies in.

use core::ops::Range;

/// Where each part of the address space lies: ranges of virtual addresses that do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// All RAM, each byte at its physical address plus the start of this range.
    pub direct_map: Range<u64>,
    /// Memory of devices and firmware tables.
    pub devices: Range<u64>,
    /// Sampled blocks and the guard pages between them.
    pub sampled: Range<u64>,
    /// Metadata of pages.
    pub metadata: Range<u64>,
    /// The kernel's image.
    pub image: Range<u64>,
    /// Virtual minus physical address, for the image.
    pub image_base: u64,
}

/// The part that an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// No address: bits 48 and up are not copies of bit 47.
    NotCanonical,
    /// The lower half, which is no kernel's.
    LowerHalf,
    /// The direct map.
    DirectMap {
        /// The physical address of the byte.
        physical: u64,
    },
    /// Mappings of devices.
    Devices,
    /// Sampled blocks.
    Sampled,
    /// Metadata of pages.
    Metadata,
    /// The image.
    Image {
        /// The physical address of the byte.
        physical: u64,
    },
    /// A part of the upper half that nothing uses.
    Unused,
}

impl Layout {
    /// The part that an address lies in.
    pub fn window(&self, address: u64) -> Window {
        if !is_canonical(address) {
            return Window::NotCanonical;
        }
        if address >> 63 == 0 {
            return Window::LowerHalf;
        }
        if self.direct_map.contains(&address) {
            return Window::DirectMap { physical: address.wrapping_sub(self.direct_map.start) };
        }
        if self.image.contains(&address) {
            return Window::Image { physical: address.wrapping_sub(self.image_base) };
        }
        for (part, window) in [
            (&self.devices, Window::Devices),
            (&self.sampled, Window::Sampled),
            (&self.metadata, Window::Metadata),
        ] {
            if part.contains(&address) {
                return window;
            }
        }
        Window::Unused
    }
}

/// Whether bits 48 and up are copies of bit 47 (Intel SDM vol. 1, section 3.3.7.1).
pub(crate) fn is_canonical(address: u64) -> bool {
    matches!(address >> 47, 0 | 0x1_ffff)
}
