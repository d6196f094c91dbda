//! Where the linker put the parts of the kernel's image.

use core::ops::Range;

/// What virtual addresses of the image have on top of their physical ones.
pub(crate) const KERNEL_BASE: usize = 0xffff_ffff_8000_0000;

unsafe extern "C" {
    static __image_start: u8;
    static __text_start: u8;
    static __text_end: u8;
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

/// Constants.
pub(crate) fn rodata() -> Range<usize> {
    (&raw const __rodata_start) as usize..(&raw const __rodata_end) as usize
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
pub(crate) fn physical(address: usize) -> u64 {
    (address - KERNEL_BASE) as u64
}
