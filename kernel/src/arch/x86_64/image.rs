//! Where the linker put the parts of the kernel's image.

use core::ops::Range;
use core::slice;

use boot::ElfSection;

use super::{PAddr, VAddr, direct_map, paging};

/// What virtual addresses of the image have on top of their physical ones.
const KERNEL_BASE: VAddr = VAddr(0xffff_ffff_8000_0000);

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

/// The whole image.
pub(crate) fn whole() -> Range<usize> {
    (&raw const __image_start) as usize..(&raw const __image_end) as usize
}

/// The Multiboot2 header and the entry's constants.
pub(crate) fn header() -> Range<usize> {
    (&raw const __image_start) as usize..(&raw const __text_start) as usize
}

/// The code.
pub(crate) fn text() -> Range<usize> {
    (&raw const __text_start) as usize..(&raw const __text_end) as usize
}

/// The code's bytes.
pub(crate) fn text_bytes() -> &'static [u8] {
    let text = text();
    // SAFETY: mapped readable for ever, and never written.
    unsafe { slice::from_raw_parts(text.start as *const u8, text.len()) }
}

/// Whether an address lies in the functions that stand between the tracker and who allocates.
#[inline]
pub(crate) fn is_allocator_text(address: usize) -> bool {
    // The symbol stands for a number. As a constant it spares the look at one end.
    address.wrapping_sub((&raw const __allocator_text_start) as usize)
        < (&raw const __allocator_text_bytes) as usize
}

/// Whether an address lies in the functions of [`stack_end`](super::stack_end): what they called is where a call stack ends
/// for those who read it.
pub(crate) fn is_stack_end(address: usize) -> bool {
    let end = (&raw const __stack_end_text_start) as usize..(&raw const __stack_end_text_end) as usize;
    end.contains(&address)
}

/// Constants.
pub(crate) fn rodata() -> Range<usize> {
    (&raw const __rodata_start) as usize..(&raw const __rodata_end) as usize
}

/// Code and constants, which nobody writes: they identify the build.
pub(crate) fn constant_parts() -> [&'static [u8]; 2] {
    // SAFETY: the linker put both there, mapped and never written.
    [text(), rodata()].map(|part| unsafe { slice::from_raw_parts(part.start as *const u8, part.len()) })
}

/// Initialised variables.
pub(crate) fn data() -> Range<usize> {
    (&raw const __data_start) as usize..(&raw const __data_end) as usize
}

/// Variables that start as zero.
pub(crate) fn bss() -> Range<usize> {
    (&raw const __bss_start) as usize..(&raw const __bss_end) as usize
}

/// The physical address of an address in the image.
pub(crate) fn physical(address: VAddr) -> PAddr {
    PAddr((address - KERNEL_BASE).as_u64())
}

/// Where a section lies that the boot loader put into memory besides the image; `None` where that is no RAM.
fn place_of_loaded(section: &ElfSection) -> Option<Range<usize>> {
    // Nothing above the direct map's half is RAM, and no address there wraps around.
    let end = section.address.checked_add(section.size_bytes).filter(|end| *end < 1 << 47)?;
    let [start, end] = [section.address, end].map(|address| direct_map::to_virtual(PAddr(address)));
    if section.is_in_image || section.address == 0 || !paging::is_mapped(start..end) {
        return None;
    }
    Some(start.as_usize()..end.as_usize())
}

/// Overwrites bytes of a loaded section with noise, where there is some, to test what reads it.
///
/// A section that lies in the same page as constants of the image stays as it is. Only called before anybody has the
/// section from [`loaded_section`].
pub(crate) fn overwrite_section(section: &ElfSection, mut noise: impl FnMut() -> Option<u8>) {
    let place = place_of_loaded(section)
        .filter(|place| paging::is_writable(VAddr::from_usize(place.start)..VAddr::from_usize(place.end)));
    for address in place.unwrap_or(0..0) {
        if let Some(byte) = noise() {
            // SAFETY: mapped, and nobody refers to it yet, as the caller has made sure.
            unsafe { (address as *mut u8).write(byte) };
        }
    }
}

/// The bytes of a section that the boot loader put into memory besides the image: symbols, debug information.
/// `None` where they do not lie in RAM.
pub(crate) fn loaded_section(section: &ElfSection) -> Option<&'static [u8]> {
    let place = place_of_loaded(section)?;
    // SAFETY: all of it is mapped in the direct map; usable memory leaves loaded sections out, so nobody
    // writes there.
    Some(unsafe { slice::from_raw_parts(place.start as *const u8, place.len()) })
}
