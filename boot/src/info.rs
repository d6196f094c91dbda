//! The boot information as plain data.
//!
//! `tags` selects the well-formed tags; this file converts them, and `memory_map` and `usable` compute which memory the
//! kernel may use.

use arrayvec::{ArrayString, ArrayVec};
use multiboot2::{
    BootInformation, BootLoaderNameTag, CommandLineTag, ElfSectionExt, ElfSectionFlags, ElfSectionsTag,
    FramebufferTag, MaybeDynSized, MemoryArea, MemoryAreaType, MemoryMapTag, ModuleTag, RsdpV1Tag, RsdpV2Tag,
};
use x86::bits64::paging::{PAddr, VAddr};

use crate::command_line::CommandLine;
use crate::error::BootError;
use crate::framebuffer::Framebuffer;
use crate::left_out::LeftOut;
use crate::memory_map::{MAX_REGIONS, MemoryRegion, PhysicalRange, RegionKind, sorted_disjoint};
use crate::ram::{Holder, RamUse};
use crate::tags;
use crate::usable::{self, Ranges};

const MAX_NAME_BYTES: usize = 64;
const MAX_SECTIONS: usize = 64;
const MAX_RSDP_BYTES: usize = 36;

/// The data of the boot loader. It has some 50 KiB, so it is filled in place.
#[derive(Debug)]
pub struct BootInfo {
    /// The kernel's command line.
    pub command_line: CommandLine,
    /// The loader's name, for instance `GRUB 2.06-13`.
    pub loader: ArrayString<MAX_NAME_BYTES>,
    /// The firmware's memory map, sorted and disjoint.
    pub regions: ArrayVec<MemoryRegion, MAX_REGIONS>,
    /// Whole frames that the kernel may use: sorted, disjoint, without frame 0, the kernel's image, the boot
    /// information, modules, and sections that the loader keeps in memory.
    pub usable: Ranges,
    /// The screen, if the loader set one up.
    pub framebuffer: Option<Framebuffer>,
    /// The ACPI root pointer as the firmware has it: 20 bytes (ACPI 1.0) or 36.
    pub rsdp: ArrayVec<u8, MAX_RSDP_BYTES>,
    /// The kernel's own sections, debug information included, where the loader put them.
    pub sections: ArrayVec<ElfSection, MAX_SECTIONS>,
    /// Index of the section with the names of sections.
    pub section_names: usize,
    /// What did not fit into the lists above.
    pub left_out: LeftOut,
    /// What all RAM is used for.
    pub ram: RamUse,
}

/// A section of the kernel's ELF file in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElfSection {
    /// Offset of the name in the names' section.
    pub name_offset: u32,
    /// The type: `sh_type` of the ELF specification.
    pub kind: u32,
    /// Its location.
    pub place: SectionPlace,
    /// Its length.
    pub size_bytes: u64,
}

/// The location of a section in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionPlace {
    /// In the image, as a part of it (`SHF_ALLOC`).
    Image(VAddr),
    /// Outside of the image, where the loader put it.
    Loaded(PAddr),
}

impl ElfSection {
    /// Its memory outside of the image; `None` if it is a part of the image, or empty.
    fn loaded_range(&self) -> Option<PhysicalRange> {
        match self.place {
            SectionPlace::Loaded(start) if self.size_bytes > 0 => {
                Some(PhysicalRange { start: start.0, end: start.0.saturating_add(self.size_bytes) })
            }
            _ => None,
        }
    }
}

impl BootInfo {
    /// Nothing was read yet.
    pub const EMPTY: Self = Self {
        command_line: CommandLine::new(),
        loader: ArrayString::new_const(),
        regions: ArrayVec::new_const(),
        usable: ArrayVec::new_const(),
        framebuffer: None,
        rsdp: ArrayVec::new_const(),
        sections: ArrayVec::new_const(),
        section_names: 0,
        left_out: LeftOut::NOTHING,
        ram: RamUse::NOTHING,
    };

    /// Fills an empty value from boot information, whose address must be a multiple of 8. `own` are ranges in use: the image,
    /// and then the boot information itself.
    ///
    /// # Errors
    ///
    /// [`BootError`] if the chain of tags is broken or there is no usable memory. A single malformed tag is left out
    /// instead.
    pub fn read(&mut self, information: &[u8], own: &[PhysicalRange]) -> Result<(), BootError> {
        let information = tags::load(information)?;
        self.read_texts(&information);
        self.framebuffer = tags::typed::<FramebufferTag>(&information).find_map(Framebuffer::read);
        self.read_sections(&information);
        // The root pointer of ACPI 2.0 is preferred.
        let old = tags::typed::<RsdpV1Tag>(&information).map(MaybeDynSized::payload);
        let new = tags::typed::<RsdpV2Tag>(&information).map(MaybeDynSized::payload);
        let root_pointer = new.chain(old).next().unwrap_or_default();
        self.rsdp = root_pointer.iter().copied().take(MAX_RSDP_BYTES).collect();

        let for_each_region = |visit: &mut dyn FnMut(MemoryRegion)| {
            for map in tags::typed::<MemoryMapTag>(&information) {
                map.memory_areas().iter().map(region).for_each(&mut *visit);
            }
        };
        sorted_disjoint(&for_each_region, &mut self.regions, &mut self.left_out);
        let for_each_held = |visit: &mut dyn FnMut((PhysicalRange, Holder))| {
            for (number, range) in own.iter().enumerate() {
                visit((*range, if number == 0 { Holder::Image } else { Holder::BootInformation }));
            }
            for module in tags::typed::<ModuleTag>(&information) {
                let (start, end) = (module.start_address().into(), module.end_address().into());
                visit((PhysicalRange { start, end }, Holder::Modules));
            }
            for tag in tags::typed::<ElfSectionsTag>(&information) {
                let loaded = sections(tag).filter_map(|section| section.loaded_range());
                loaded.for_each(|range| visit((range, Holder::Sections)));
            }
        };
        self.ram = RamUse::count(&for_each_region, &self.regions, &for_each_held);
        let for_each_taken =
            |visit: &mut dyn FnMut(PhysicalRange)| for_each_held(&mut |(range, _)| visit(range));
        usable::find(&for_each_region, &self.regions, &for_each_taken, &mut self.usable, &mut self.left_out);
        if self.usable.is_empty() { Err(BootError::NoMemory) } else { Ok(()) }
    }

    fn read_texts(&mut self, information: &BootInformation<'_>) {
        if let Some(tag) = tags::typed::<CommandLineTag>(information).next() {
            self.command_line.add(tag.payload().iter().copied().take_while(|byte| *byte != 0));
        }
        if let Some(tag) = tags::typed::<BootLoaderNameTag>(information).next() {
            self.loader = shortened(tags::text_or_start(tag.name().ok(), tag.payload()));
        }
    }

    /// Keeps the sections of the first tag only: section numbers refer to their own tag.
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

/// The sections of a tag: at most as many as it has headers for.
fn sections(tag: &ElfSectionsTag) -> impl Iterator<Item = ElfSection> {
    tag.sections().take(tag.number_of_sections() as usize).map(|header| ElfSection {
        name_offset: header.sh_name,
        kind: header.sh_type,
        place: if header.flags().contains(ElfSectionFlags::ALLOCATED) {
            SectionPlace::Image(VAddr(header.sh_addr))
        } else {
            SectionPlace::Loaded(PAddr(header.sh_addr))
        },
        size_bytes: header.sh_size,
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
