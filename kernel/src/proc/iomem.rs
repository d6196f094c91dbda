//! `/proc/iomem`: the firmware's memory map with the kernel in it, as Linux shows it.
//!
//! The first page is reserved, as in Linux (`arch/x86/kernel/setup.c`, `trim_bios_range`). The region that outlives a
//! restart has the name that Linux gives to such memory of its own.
//! Source: Linux, `fs/pstore/ram_core.c`; Documentation/filesystems/proc.rst, and kernel/resource.c for the format.

use core::fmt::{self, Write};

use boot::{PhysicalRange, RegionKind};
use vfs::Text;

use crate::arch::{PAddr, image};
use crate::memory::pages::persistent;

/// Where the page ends that holds the BIOS's interrupt table.
const FIRST_PAGE_END: PAddr = PAddr(4096);

/// The file.
pub(super) struct IoMem;

impl Text for IoMem {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        for region in &crate::boot_info::facts().regions {
            let mut range = region.range;
            let name = match region.kind {
                RegionKind::Usable => "System RAM",
                RegionKind::AcpiTables => "ACPI Tables",
                RegionKind::AcpiStorage => "ACPI Non-volatile Storage",
                RegionKind::Defective => "Unusable memory",
                RegionKind::Reserved => "Reserved",
            };
            if region.kind == RegionKind::Usable
                && range.start() == PAddr::zero()
                && range.end() > FIRST_PAGE_END
            {
                // As in Linux: this page is the BIOS's, and no kernel uses it. kexec-tools takes the interrupt table
                // off a row of memory that starts at 0, and off no other.
                writeln!(out, "00000000-{:08x} : Reserved", FIRST_PAGE_END.as_u64() - 1)?;
                range = PhysicalRange::new(FIRST_PAGE_END, range.end());
            }
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
