//! The boot information as plain data.
//!
//! The specification's tag numbers and memory kinds come from the crate `multiboot2`. Its accessors assert
//! what they read, and a loader must not be able to panic the kernel, so the fields themselves are read
//! here, each with its bounds checked. Source: Multiboot2 Specification version 2.0, section 3.6.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};
use multiboot2::{MemoryAreaType, MemoryAreaTypeRaw, TagType};

use crate::bytes::Bytes;
use crate::memory_map::{
    MOST_REGIONS, MemoryRegion, PhysicalRange, Ranges, RegionKind, Regions, sorted_disjoint, usable_frames,
};

const MOST_COMMAND_LINE_BYTES: usize = 1024;
const MOST_NAME_BYTES: usize = 64;
const MOST_SECTIONS: usize = 64;
const MOST_MODULES: usize = 16;
/// The 64-bit section header: `Elf64_Shdr` of the System V ABI.
const SECTION_HEADER_BYTES: usize = 64;

/// What the boot loader said.
#[derive(Clone, Debug, Default)]
pub struct BootInfo {
    /// The kernel's command line, cut at 1,024 bytes.
    pub command_line: ArrayString<MOST_COMMAND_LINE_BYTES>,
    /// Whether the command line was longer than that.
    pub is_command_line_cut: bool,
    /// The loader's name, for instance `GRUB 2.06-13`.
    pub loader: ArrayString<MOST_NAME_BYTES>,
    /// The firmware's memory map, sorted and disjoint.
    pub regions: Regions,
    /// Whole frames that the kernel may use: sorted, disjoint, without frame 0, the kernel's image, the boot
    /// information, modules, and sections that the loader keeps in memory.
    pub usable: Ranges,
    /// The screen, if the loader set one up.
    pub framebuffer: Option<Framebuffer>,
    /// The ACPI root pointer as the firmware has it: 20 bytes (ACPI 1.0) or 36.
    pub rsdp: ArrayVec<u8, 36>,
    /// The kernel's own sections, debug information included, where the loader put them.
    pub sections: ArrayVec<ElfSection, MOST_SECTIONS>,
    /// Which of them holds the sections' names.
    pub section_names: usize,
}

/// A section of the kernel's ELF file in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElfSection {
    /// Offset of the name in the names' section.
    pub name_offset: u32,
    /// The type: `sh_type` of the ELF specification.
    pub kind: u32,
    /// The address: virtual where the section is part of the image, else physical, where the loader put it.
    pub address: u64,
    /// Its length.
    pub size_bytes: u64,
    /// Whether it is part of the image (`SHF_ALLOC`).
    pub is_in_image: bool,
}

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framebuffer {
    /// Pixels in memory.
    Rgb {
        /// Physical address of the first pixel.
        address: u64,
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
        /// Physical address of the first character.
        address: u64,
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

/// Why boot information could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootError {
    /// The address is null or not aligned to 8.
    Address {
        /// The physical address.
        address: u32,
    },
    /// The size in its head cannot be true.
    Size {
        /// The size claimed.
        size_bytes: u32,
    },
    /// A tag reaches beyond the end, or is too small for its own head.
    Tag {
        /// Where the tag starts.
        offset: usize,
    },
    /// There is no end tag.
    NoEnd,
    /// There is no memory map, or nothing usable in it.
    NoMemory,
}

impl fmt::Display for BootError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address } => {
                write!(out, "boot information at {address:#x} is null or not aligned")
            }
            Self::Size { size_bytes } => write!(out, "boot information of {size_bytes} bytes cannot be"),
            Self::Tag { offset } => {
                write!(out, "boot information: tag at offset {offset} reaches beyond the end")
            }
            Self::NoEnd => write!(out, "boot information has no end tag"),
            Self::NoMemory => write!(out, "boot information names no usable memory"),
        }
    }
}

impl BootInfo {
    /// Parses boot information. `own` are ranges that are taken already: the image and the information
    /// itself.
    ///
    /// # Errors
    ///
    /// [`BootError`] when the structure is broken or names no memory. A single tag with senseless contents
    /// is left out instead.
    pub fn parse(information: &[u8], own: &[PhysicalRange]) -> Result<Self, BootError> {
        let mut info = Self::default();
        let mut given = Regions::new();
        let mut taken = ArrayVec::<PhysicalRange, { MOST_SECTIONS + MOST_MODULES + 8 }>::new();
        taken.extend(own.iter().copied().take(8));
        for_each_tag(information, |kind, tag| {
            match kind {
                TagType::Cmdline => info.set_command_line(tag.text(0)),
                TagType::BootLoaderName => info.loader = shortened(tag.text(0)),
                TagType::Mmap => read_memory_map(tag, &mut given),
                TagType::Module => read_module(tag, &mut taken),
                TagType::Framebuffer => info.framebuffer = read_framebuffer(tag),
                TagType::ElfSections => info.read_sections(tag),
                // The newer of two root pointers wins; it comes second.
                TagType::AcpiV1 | TagType::AcpiV2 => info.rsdp = tag.0.iter().copied().take(36).collect(),
                _ => {}
            }
        })?;
        let loaded = info.sections.iter().filter(|section| !section.is_in_image && section.size_bytes > 0);
        for section in loaded {
            let end = section.address.saturating_add(section.size_bytes);
            let _ = taken.try_push(PhysicalRange { start: section.address, end });
        }
        info.regions = sorted_disjoint(&given);
        info.usable = usable_frames(&info.regions, &taken);
        if info.usable.is_empty() { Err(BootError::NoMemory) } else { Ok(info) }
    }

    fn set_command_line(&mut self, text: &str) {
        self.command_line = shortened(text);
        self.is_command_line_cut = self.command_line.len() < text.len();
    }

    fn read_sections(&mut self, tag: Bytes<'_>) {
        let (Some(count), Some(entry_bytes), Some(names)) = (tag.u32(0), tag.u32(4), tag.u32(8)) else {
            return;
        };
        if entry_bytes as usize != SECTION_HEADER_BYTES {
            return;
        }
        self.section_names = names as usize;
        for number in 0..(count as usize).min(MOST_SECTIONS) {
            let Some(header) = tag.part(12 + number * SECTION_HEADER_BYTES, SECTION_HEADER_BYTES) else {
                return;
            };
            let section = (|| {
                Some(ElfSection {
                    name_offset: header.u32(0)?,
                    kind: header.u32(4)?,
                    is_in_image: header.u64(8)? & 2 != 0,
                    address: header.u64(16)?,
                    size_bytes: header.u64(32)?,
                })
            })();
            self.sections.extend(section);
        }
    }
}

/// Hands each tag's kind and contents (what follows its 8-byte head) to `visit`.
fn for_each_tag(information: &[u8], mut visit: impl FnMut(TagType, Bytes<'_>)) -> Result<(), BootError> {
    let bytes = Bytes(information);
    let claimed = bytes.u32(0).unwrap_or_default();
    let bytes = bytes.part(0, claimed as usize).ok_or(BootError::Size { size_bytes: claimed })?;
    let mut offset = 8_usize;
    while offset < bytes.len() {
        let broken = BootError::Tag { offset };
        let (kind, size_bytes) = bytes.u32(offset).zip(bytes.u32(offset + 4)).ok_or(broken)?;
        let contents_bytes = (size_bytes as usize).checked_sub(8).ok_or(broken)?;
        let contents = bytes.part(offset + 8, contents_bytes).ok_or(broken)?;
        let kind = TagType::from(kind);
        if kind == TagType::End {
            return Ok(());
        }
        visit(kind, contents);
        offset += (size_bytes as usize).next_multiple_of(8);
    }
    Err(BootError::NoEnd)
}

/// As much of `text` as fits, cut between characters.
fn shortened<const N: usize>(text: &str) -> ArrayString<N> {
    let mut result = ArrayString::new();
    for character in text.chars() {
        if result.try_push(character).is_err() {
            break;
        }
    }
    result
}

fn read_memory_map(tag: Bytes<'_>, regions: &mut Regions) {
    let entry_bytes = tag.u32(0).unwrap_or_default() as usize;
    if entry_bytes < 24 {
        return;
    }
    let mut offset = 8;
    while let Some(entry) = tag.part(offset, entry_bytes) {
        offset += entry_bytes;
        let (Some(start), Some(size_bytes), Some(raw)) = (entry.u64(0), entry.u64(8), entry.u32(16)) else {
            return;
        };
        let kind = match MemoryAreaType::from(MemoryAreaTypeRaw::from(raw)) {
            MemoryAreaType::Available => RegionKind::Usable,
            MemoryAreaType::AcpiAvailable => RegionKind::AcpiTables,
            MemoryAreaType::ReservedHibernate => RegionKind::AcpiStorage,
            MemoryAreaType::Defective => RegionKind::Defective,
            _ => RegionKind::Reserved,
        };
        let range = PhysicalRange { start, end: start.saturating_add(size_bytes) };
        if range.start < range.end && regions.len() < MOST_REGIONS {
            regions.push(MemoryRegion { range, kind });
        }
    }
}

fn read_module<const N: usize>(tag: Bytes<'_>, taken: &mut ArrayVec<PhysicalRange, N>) {
    if let Some((start, end)) = tag.u32(0).zip(tag.u32(4)) {
        let _ = taken.try_push(PhysicalRange { start: start.into(), end: end.into() });
    }
}

fn read_framebuffer(tag: Bytes<'_>) -> Option<Framebuffer> {
    let address = tag.u64(0)?;
    let (pitch_bytes, width, height) = (tag.u32(8)?, tag.u32(12)?, tag.u32(16)?);
    let (bits_per_pixel, kind) = (tag.byte(20)?, tag.u16(21)? as u8);
    match kind {
        1 => {
            let field =
                |offset| Some(PixelField { position: tag.byte(offset)?, size: tag.byte(offset + 1)? });
            let fields = [field(24)?, field(26)?, field(28)?];
            let line_bytes = u64::from(width) * u64::from(bits_per_pixel.div_ceil(8));
            let is_sound = matches!(bits_per_pixel, 15 | 16 | 24 | 32)
                && (1..=16384).contains(&width)
                && (1..=16384).contains(&height)
                && line_bytes <= u64::from(pitch_bytes)
                && pitch_bytes <= 1 << 18
                && address
                    .checked_add(u64::from(pitch_bytes) * u64::from(height))
                    .is_some_and(|end| end < 1 << 46)
                && fields.iter().all(|field| field.size <= 8 && field.position < 32);
            is_sound.then_some(Framebuffer::Rgb {
                address,
                pitch_bytes,
                width,
                height,
                bits_per_pixel,
                fields,
            })
        }
        2 => {
            let is_sound = (1..=240).contains(&width) && (1..=120).contains(&height) && address < 1 << 20;
            is_sound.then_some(Framebuffer::Text { address, columns: width, rows: height })
        }
        _ => None,
    }
}
