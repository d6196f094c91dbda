//! The addresses of the parts of the kernel's image, as the linker placed them.

use core::ops::Range;
use core::slice;

use boot::{ElfSection, PhysicalRange, SectionPlace};

use super::{PAddr, VAddr, direct_map, paging, size_bytes};

/// Virtual minus physical address, for the image.
pub(crate) const KERNEL_BASE: VAddr = VAddr(0xffff_ffff_8000_0000);

unsafe extern "C" {
    static __image_start: u8;
    static __text_start: u8;
    static __text_end: u8;
    static __allocator_text_start: u8;
    static __allocator_text_bytes: u8;
    static __stack_end_text_start: u8;
    static __stack_end_text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
    static __data_start: u8;
    static __data_end: u8;
    static __bss_start: u8;
    static __bss_end: u8;
    static __image_end: u8;
}

fn span(start: *const u8, end: *const u8) -> Range<VAddr> {
    VAddr::from_usize(start as usize)..VAddr::from_usize(end as usize)
}

/// The whole image.
pub(crate) fn whole() -> Range<VAddr> {
    span(&raw const __image_start, &raw const __image_end)
}

/// The Multiboot2 header and the entry's constants.
pub(crate) fn header() -> Range<VAddr> {
    span(&raw const __image_start, &raw const __text_start)
}

/// The code.
pub(crate) fn text() -> Range<VAddr> {
    span(&raw const __text_start, &raw const __text_end)
}

/// The code's bytes.
pub(crate) fn text_bytes() -> &'static [u8] {
    // SAFETY: mapped readable for ever, and never written.
    unsafe { bytes(&text()) }
}

/// Whether an address lies in the allocator's own functions, which code that allocates calls.
#[inline]
pub(crate) fn is_allocator_text(address: VAddr) -> bool {
    // This symbol is a number. As a constant it saves loading one end of the range.
    address.as_usize().wrapping_sub((&raw const __allocator_text_start) as usize)
        < (&raw const __allocator_text_bytes) as usize
}

/// Whether an address is in the functions of [`stack_end`](super::stack_end), where call stacks in reports end.
pub(crate) fn is_stack_end(address: VAddr) -> bool {
    span(&raw const __stack_end_text_start, &raw const __stack_end_text_end).contains(&address)
}

/// Constants.
pub(crate) fn rodata() -> Range<VAddr> {
    span(&raw const __rodata_start, &raw const __rodata_end)
}

/// Code and constants, which are never written: they identify the build.
pub(crate) fn constant_parts() -> [&'static [u8]; 2] {
    // SAFETY: both are parts of the image, mapped and never written.
    [text(), rodata()].map(|part| unsafe { bytes(&part) })
}

/// # Safety
///
/// All of the span is mapped for ever and never written.
unsafe fn bytes(span: &Range<VAddr>) -> &'static [u8] {
    // SAFETY: upheld by the caller.
    unsafe { slice::from_raw_parts(span.start.as_ptr(), size_bytes(span)) }
}

/// Initialised variables.
pub(crate) fn data() -> Range<VAddr> {
    span(&raw const __data_start, &raw const __data_end)
}

/// Variables that start as zero.
pub(crate) fn bss() -> Range<VAddr> {
    span(&raw const __bss_start, &raw const __bss_end)
}

/// The physical address of an address in the image.
pub(crate) fn physical(address: VAddr) -> PAddr {
    PAddr((address - KERNEL_BASE).as_u64())
}

/// The physical addresses of a part of the image.
pub(crate) fn physical_range(part: &Range<VAddr>) -> PhysicalRange {
    PhysicalRange::new(physical(part.start), physical(part.end))
}

/// The address of a section that the boot loader put outside of the image; `None` if it is not in RAM.
fn place_of_loaded(section: &ElfSection) -> Option<Range<VAddr>> {
    let SectionPlace::Loaded(start) = section.place else { return None };
    // Nothing above the direct map's half is RAM, and no address there wraps around.
    let end = start.0.checked_add(section.size_bytes).filter(|end| *end < 1 << 47)?;
    let place = direct_map::to_virtual(start)..direct_map::to_virtual(PAddr(end));
    (start != PAddr::zero() && paging::is_mapped(place.clone())).then_some(place)
}

/// Overwrites bytes of a loaded section with those that `noise` returns, to test the code that reads it.
///
/// A section that shares a page with constants of the image stays as it is. Called only before [`loaded_section`]
/// returns this section.
pub(crate) fn overwrite_section(section: &ElfSection, mut noise: impl FnMut() -> Option<u8>) {
    let place = place_of_loaded(section).filter(|place| paging::is_writable(place.clone()));
    let Some(place) = place else { return };
    for address in place.start.as_usize()..place.end.as_usize() {
        if let Some(byte) = noise() {
            // SAFETY: mapped, and no reference to it exists yet, as the caller ensures.
            unsafe { (address as *mut u8).write(byte) };
        }
    }
}

/// The bytes of a section that the boot loader put outside of the image: symbols, debug information. `None` if they are not
/// in RAM.
pub(crate) fn loaded_section(section: &ElfSection) -> Option<&'static [u8]> {
    let place = place_of_loaded(section)?;
    // SAFETY: all of it is mapped in the direct map; loaded sections are not part of usable memory, so nobody writes there.
    Some(unsafe { bytes(&place) })
}
