//! `/proc/iomem`: the firmware's memory map with the kernel in it, as Linux shows it.
//!
//! The region that outlives a restart has the name that Linux gives to such memory of its own.
//! Source: Linux, `fs/pstore/ram_core.c`; Documentation/filesystems/proc.rst, and kernel/resource.c for the format.

use core::fmt::{self, Write};

use boot::{PhysicalRange, RegionKind};
use vfs::Text;

use crate::arch::image;
use crate::memory::pages::persistent;

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
            writeln!(out, "{:08x}-{:08x} : {name}", range.start().as_u64(), range.end().as_u64() - 1)?;
            for (section, name) in [
                (image::text(), "Kernel code"),
                (image::rodata(), "Kernel rodata"),
                (image::data(), "Kernel data"),
                (image::bss(), "Kernel bss"),
            ] {
                write_inside(image::physical_range(&section), range, name, out)?;
            }
            // It lies above the image.
            if let Some(region) = persistent::place() {
                write_inside(region, range, "ramoops", out)?;
            }
        }
        Ok(())
    }
}

/// Writes a part, if it lies in this region, one step further in.
fn write_inside(part: PhysicalRange, region: PhysicalRange, name: &str, out: &mut dyn Write) -> fmt::Result {
    let (start, end) = (part.start(), part.end());
    if (region.start()..region.end()).contains(&start) && start < end {
        writeln!(out, "  {:08x}-{:08x} : {name}", start.as_u64(), end.as_u64() - 1)?;
    }
    Ok(())
}
