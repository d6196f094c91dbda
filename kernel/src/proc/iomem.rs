//! `/proc/iomem`: the firmware's memory map with the kernel in it, as Linux shows it.
//!
//! The region that outlives a restart has the name that Linux gives to such memory of its own.
//! Source: Linux, `fs/pstore/ram_core.c`; Documentation/filesystems/proc.rst, and kernel/resource.c for the format.

use core::fmt::{self, Write};
use core::ops::Range;

use boot::RegionKind;
use vfs::Text;

use crate::arch::{VAddr, image};
use crate::memory::pages::kept;

/// The file.
pub(super) struct IoMem;

impl Text for IoMem {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        for region in &crate::boot_info::facts().regions {
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
                let physical = |address| image::physical(VAddr::from_usize(address)).as_u64();
                let section = physical(section.start)..physical(section.end);
                write_inside(section, range.start..range.end, name, out)?;
            }
            // It lies above the image.
            if let Some(kept) = kept::place() {
                write_inside(kept.start..kept.end, range.start..range.end, "ramoops", out)?;
            }
        }
        Ok(())
    }
}

/// Writes a part, if it lies in this region, one step further in.
fn write_inside(part: Range<u64>, region: Range<u64>, name: &str, out: &mut dyn Write) -> fmt::Result {
    if region.contains(&part.start) && part.start < part.end {
        writeln!(out, "  {:08x}-{:08x} : {name}", part.start, part.end - 1)?;
    }
    Ok(())
}
