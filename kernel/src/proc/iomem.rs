//! `/proc/iomem`: the firmware's memory map with the kernel in it, as Linux shows it.
//!
//! Source: Linux, Documentation/filesystems/proc.rst, and kernel/resource.c for the format.

use core::fmt::{self, Write};
use core::ops::Range;

use boot::RegionKind;
use vfs::Text;

use crate::arch::image;

/// The file.
pub(super) struct IoMem;

impl Text for IoMem {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        for region in &crate::kernel::boot_facts().regions {
            let range = region.range;
            let name = match region.kind {
                RegionKind::Usable => "System RAM",
                RegionKind::AcpiTables => "ACPI Tables",
                RegionKind::AcpiStorage => "ACPI Non-volatile Storage",
                RegionKind::Defective => "Unusable memory",
                RegionKind::Reserved => "Reserved",
            };
            writeln!(out, "{:08x}-{:08x} : {name}", range.start, range.end - 1)?;
            for (section, name) in [
                (image::text(), "Kernel code"),
                (image::rodata(), "Kernel rodata"),
                (image::data(), "Kernel data"),
                (image::bss(), "Kernel bss"),
            ] {
                write_inside(&section, range.start..range.end, name, out)?;
            }
        }
        Ok(())
    }
}

/// Writes a section of the image, if it lies in this region, one step further in.
fn write_inside(section: &Range<usize>, region: Range<u64>, name: &str, out: &mut dyn Write) -> fmt::Result {
    let (start, end) = (image::physical(section.start), image::physical(section.end));
    if region.contains(&start) && start < end {
        writeln!(out, "  {start:08x}-{:08x} : {name}", end - 1)?;
    }
    Ok(())
}
