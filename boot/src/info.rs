//! The boot information as plain data.
//!
//! `tags` says which of the loader's tags can be trusted to be what they claim; here they become figures, and
//! `memory_map` makes of the firmware's areas and of what is taken already what the kernel may use.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};
use multiboot2::{
    BootInformation, BootLoaderNameTag, CommandLineTag, ElfSectionExt, ElfSectionFlags, ElfSectionsTag,
    FramebufferTag, MaybeDynSized, MemoryArea, MemoryAreaType, MemoryMapTag, ModuleTag, RsdpV1Tag, RsdpV2Tag,
};

use crate::command_line::CommandLine;
use crate::error::BootError;
use crate::framebuffer::Framebuffer;
use crate::memory_map::{
    MAX_REGIONS, MemoryRegion, PhysicalRange, RegionKind, sorted_disjoint, usable_frames,
};
use crate::tags;

const MAX_NAME_BYTES: usize = 64;
const MAX_SECTIONS: usize = 64;
const MAX_RSDP_BYTES: usize = 36;

/// What the boot loader said.
#[derive(Clone, Debug, Default)]
pub struct BootInfo {
    /// The kernel's command line.
    pub command_line: CommandLine,
    /// The loader's name, for instance `GRUB 2.06-13`.
    pub loader: ArrayString<MAX_NAME_BYTES>,
    /// The firmware's memory map, sorted and disjoint.
    pub regions: ArrayVec<MemoryRegion, MAX_REGIONS>,
    /// Whole frames that the kernel may use: sorted, disjoint, without frame 0, the kernel's image, the boot
    /// information, modules, and sections that the loader keeps in memory.
    pub usable: ArrayVec<PhysicalRange, MAX_REGIONS>,
    /// The screen, if the loader set one up.
    pub framebuffer: Option<Framebuffer>,
    /// The ACPI root pointer as the firmware has it: 20 bytes (ACPI 1.0) or 36.
    pub rsdp: ArrayVec<u8, MAX_RSDP_BYTES>,
    /// The kernel's own sections, debug information included, where the loader put them.
    pub sections: ArrayVec<ElfSection, MAX_SECTIONS>,
    /// Which of them holds the sections' names.
    pub section_names: usize,
    /// What there was no room for above.
    pub left_out: LeftOut,
}

/// What the plain data has no room for. None of it is used, and memory that is taken never counts as free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Memory that could have been used.
    pub usable_bytes: u64,
    /// Regions of other memory that were joined with their neighbours, and what lies between with them.
    pub joined_regions: usize,
    /// Sections of the kernel's file.
    pub sections: usize,
}

impl LeftOut {
    /// Whether there was room for all.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Counts usable memory in.
    pub(crate) fn add_usable(&mut self, range: PhysicalRange) {
        self.usable_bytes = self.usable_bytes.saturating_add(range.size_bytes());
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { usable_bytes, joined_regions, sections } = self;
        write!(
            out,
            "no room for {usable_bytes} usable bytes and {sections} sections; {joined_regions} reserved regions joined"
        )
    }
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

impl BootInfo {
    /// Parses boot information, which starts at an address that is a multiple of 8. `own` are ranges that are
    /// taken already: the image and the information itself.
    ///
    /// # Errors
    ///
    /// [`BootError`] when the chain of tags is broken or names no memory. A single tag with senseless contents
    /// is left out instead.
    pub fn parse(information: &[u8], own: &[PhysicalRange]) -> Result<Self, BootError> {
        let information = tags::load(information)?;
        let mut info = Self::default();
        info.read_texts(&information);
        info.framebuffer = tags::typed::<FramebufferTag>(&information).find_map(Framebuffer::read);
        info.read_sections(&information);
        // The newer of two root pointers wins.
        let old = tags::typed::<RsdpV1Tag>(&information).map(MaybeDynSized::payload);
        let new = tags::typed::<RsdpV2Tag>(&information).map(MaybeDynSized::payload);
        let root_pointer = new.chain(old).next().unwrap_or_default();
        info.rsdp = root_pointer.iter().copied().take(MAX_RSDP_BYTES).collect();

        let areas = || tags::typed::<MemoryMapTag>(&information).flat_map(MemoryMapTag::memory_areas);
        info.regions = sorted_disjoint(|| areas().map(region), &mut info.left_out);
        let modules = tags::typed::<ModuleTag>(&information).map(|module| PhysicalRange {
            start: module.start_address().into(),
            end: module.end_address().into(),
        });
        let taken = own.iter().copied().chain(modules).chain(loaded_sections(&information));
        info.usable = usable_frames(&info.regions, taken, &mut info.left_out);
        if info.usable.is_empty() { Err(BootError::NoMemory) } else { Ok(info) }
    }

    fn read_texts(&mut self, information: &BootInformation<'_>) {
        if let Some(tag) = tags::typed::<CommandLineTag>(information).next() {
            self.command_line.add(tag.payload().iter().copied().take_while(|byte| *byte != 0));
        }
        if let Some(tag) = tags::typed::<BootLoaderNameTag>(information).next() {
            self.loader = shortened(tags::text_or_start(tag.name().ok(), tag.payload()));
        }
    }

    /// Keeps the sections of the first tag; its numbers mean only its own.
    fn read_sections(&mut self, information: &BootInformation<'_>) {
        let Some(tag) = tags::typed::<ElfSectionsTag>(information).next() else { return };
        self.section_names = tag.shndx() as usize;
        for section in sections(tag) {
            if self.sections.try_push(section).is_err() {
                self.left_out.sections = self.left_out.sections.saturating_add(1);
            }
        }
    }
}

/// The sections that a tag names, as far as it has them.
fn sections(tag: &ElfSectionsTag) -> impl Iterator<Item = ElfSection> {
    tag.sections().take(tag.number_of_sections() as usize).map(|header| ElfSection {
        name_offset: header.sh_name,
        kind: header.sh_type,
        address: header.sh_addr,
        size_bytes: header.sh_size,
        is_in_image: header.flags().contains(ElfSectionFlags::ALLOCATED),
    })
}

/// Where the loader put sections that are not part of the image: physical addresses.
fn loaded_sections(information: &BootInformation<'_>) -> impl Iterator<Item = PhysicalRange> {
    let all = tags::typed::<ElfSectionsTag>(information).flat_map(sections);
    all.filter(|section| !section.is_in_image && section.size_bytes > 0).map(|section| PhysicalRange {
        start: section.address,
        end: section.address.saturating_add(section.size_bytes),
    })
}

fn region(area: &MemoryArea) -> MemoryRegion {
    let kind = match area.typ() {
        MemoryAreaType::Available => RegionKind::Usable,
        MemoryAreaType::AcpiAvailable => RegionKind::AcpiTables,
        MemoryAreaType::ReservedHibernate => RegionKind::AcpiStorage,
        MemoryAreaType::Defective => RegionKind::Defective,
        _ => RegionKind::Reserved,
    };
    let (start, size_bytes) = (area.start_address(), area.size());
    MemoryRegion { range: PhysicalRange { start, end: start.saturating_add(size_bytes) }, kind }
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
