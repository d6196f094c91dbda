//! The tags of the boot information, each checked before the crate `multiboot2` reads it as its type.
//!
//! The crate checks the chain of tags when it loads it (bounds, alignment, an end tag), but its typed tags assert minimum
//! lengths and entry sizes, and boot information must not panic the kernel. So [`typed`] leaves out tags that would fail
//! such an assertion; after that `info` uses only the crate's types. Functions that must not be called even then, in
//! version 0.28, each with the reason:
//!
//! - `BootInformation::get_tags` and the getters over it: they cast tags that nobody checked, which asserts.
//! - `MemoryArea::end_address`: adds without a check; `info` adds start and size, saturating.
//! - `ModuleTag::module_size`: asserts that the end is not below the start; `info` takes both as they are.
//! - `ElfSectionsTag::string_table`: makes a slice of whatever address stands in the header; the kernel looks up names.
//! - `CommandLineTag::cmdline` and `BootLoaderNameTag::name`: safe, but they refuse a text whole for one bad byte; of
//!   the first the bytes are read instead, of the second [`text_or_start`] takes what comes before it.
//! - `Debug` of most tags: calls the ones above.
//!
//! Source: Multiboot2 Specification version 2.0, section 3.6.

use core::mem::size_of;

use multiboot2::{
    BootInformation, BootInformationHeader, DynSizedStructure, ElfSectionsTag, FramebufferTag, MaybeDynSized,
    MemoryArea, MemoryMapTag, ModuleTag, RsdpV1Tag, RsdpV2Tag, Tag, TagHeader, TagType,
};

use crate::error::BootError;

/// The 64-bit section header: `Elf64_Shdr` of the System V ABI.
const SECTION_HEADER_BYTES: u32 = 64;
/// Position and size of red, green and blue, which follow the fixed part of an RGB framebuffer's tag.
const RGB_FIELDS_BYTES: usize = 6;
/// Offset of the framebuffer's type after the tag's header.
const FRAMEBUFFER_TYPE_OFFSET: usize = 21;

/// A tag of any kind.
type AnyTag = DynSizedStructure<TagHeader>;

/// Checks the chain of tags from the start of `bytes` on.
pub(crate) fn load(bytes: &[u8]) -> Result<BootInformation<'_>, BootError> {
    let size_bytes = word(bytes, 0).unwrap_or_default();
    if (size_bytes as usize) > bytes.len() || (size_bytes as usize) < size_of::<BootInformationHeader>() {
        return Err(BootError::Size { size_bytes });
    }
    // SAFETY: the size in the header is within `bytes`, which nobody writes while they are borrowed; the crate checks
    // the alignment before it reads.
    unsafe { BootInformation::load(bytes.as_ptr().cast()) }.map_err(BootError::Malformed)
}

/// The well-formed tags of one kind, in the loader's order.
pub(crate) fn typed<'a, T>(information: &'a BootInformation<'_>) -> impl Iterator<Item = &'a T>
where
    T: Tag<IDType = TagType, Header = TagHeader> + ?Sized + 'a,
    T::Metadata: Default,
{
    information
        .tags()
        .filter(|tag| TagType::from(tag.header().typ) == T::ID && is_well_formed(tag))
        .map(AnyTag::cast)
}

/// Whether the crate's type for this tag, as used here, cannot fail an assertion.
fn is_well_formed(tag: &AnyTag) -> bool {
    let size_bytes = tag.header().size as usize;
    let contents = tag.payload();
    match TagType::from(tag.header().typ) {
        TagType::Cmdline | TagType::BootLoaderName => true,
        TagType::Module => size_bytes >= ModuleTag::BASE_SIZE,
        TagType::Mmap => {
            let room_bytes = size_bytes.checked_sub(MemoryMapTag::BASE_SIZE);
            room_bytes.is_some_and(|bytes| bytes.is_multiple_of(size_of::<MemoryArea>()))
                && word(contents, 0) == Some(size_of::<MemoryArea>() as u32)
        }
        TagType::ElfSections => {
            size_bytes >= ElfSectionsTag::BASE_SIZE && word(contents, 4) == Some(SECTION_HEADER_BYTES)
        }
        TagType::Framebuffer => {
            let room_bytes = size_bytes.checked_sub(FramebufferTag::BASE_SIZE);
            match contents.get(FRAMEBUFFER_TYPE_OFFSET) {
                Some(1) => room_bytes.is_some_and(|bytes| bytes >= RGB_FIELDS_BYTES),
                Some(2) => room_bytes.is_some(),
                // A palette, or an unknown type: not supported by the console.
                _ => false,
            }
        }
        TagType::AcpiV1 => size_bytes == RsdpV1Tag::BASE_SIZE,
        TagType::AcpiV2 => size_bytes == RsdpV2Tag::BASE_SIZE,
        _ => false,
    }
}

fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// A tag's text, or the part before the first invalid byte.
pub(crate) fn text_or_start<'a>(text: Option<&'a str>, contents: &'a [u8]) -> &'a str {
    text.unwrap_or_else(|| {
        let bytes = contents.split(|byte| *byte == 0).next().unwrap_or_default();
        bytes.utf8_chunks().next().map_or("", |piece| piece.valid())
    })
}
