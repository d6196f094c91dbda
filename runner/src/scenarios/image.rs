//! The files that ship: the kernel's ELF file and the ISO.

use std::fs;
use std::process::Command;

use crate::elf::{self, EXECUTE, WRITE};
use crate::error::{Error, Result, ensure};
use crate::scenario::{Judge, Scenario};
use crate::settings::Settings;

const ISO_LIMIT_BYTES: u64 = 12 << 20;
const PAGE: u64 = 4096;
/// Where the upper 2 GiB begin, to which the kernel is linked (docs/memory.md).
const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "image-elf",
        about: "no segment is writable and executable, all are page-aligned and in the higher half",
        judge: Judge::Files(segments_are_separate),
    },
    Scenario {
        name: "image-multiboot2",
        about: "grub-file takes the kernel for a Multiboot2 one",
        judge: Judge::Files(header_is_multiboot2),
    },
    Scenario {
        name: "image-size",
        about: "the ISO is smaller than 12 MB",
        judge: Judge::Files(iso_is_small),
    },
];

fn segments_are_separate(settings: &Settings) -> Result<()> {
    let path = settings.elf();
    let file = fs::read(&path).map_err(Error::host(format!("reading {}", path.display())))?;
    let segments = elf::loaded_segments(&file)?;
    ensure!(segments.len() >= 3, "{} loaded segments, at least R, RX and RW are expected", segments.len());
    let mut end = 0;
    for segment in &segments {
        let address = segment.virtual_address;
        ensure!(
            segment.flags & (WRITE | EXECUTE) != WRITE | EXECUTE,
            "{address:#x} is writable and executable"
        );
        ensure!(address % PAGE == 0, "the segment at {address:#x} is not page-aligned");
        ensure!(address >= end, "the segment at {address:#x} shares a page with the one before");
        ensure!(
            address.wrapping_sub(segment.physical_address) == KERNEL_BASE,
            "the segment at {address:#x} is not loaded at {KERNEL_BASE:#x} less"
        );
        end = (address + segment.memory_size).next_multiple_of(PAGE);
    }
    Ok(())
}

fn header_is_multiboot2(settings: &Settings) -> Result<()> {
    let mut command = Command::new("grub-file");
    command.arg("--is-x86-multiboot2").arg(settings.elf());
    let status = command.status().map_err(Error::host("running grub-file"))?;
    ensure!(status.success(), "grub-file finds no Multiboot2 header");
    Ok(())
}

fn iso_is_small(settings: &Settings) -> Result<()> {
    let path = settings.iso();
    let bytes = fs::metadata(&path).map_err(Error::host(format!("looking at {}", path.display())))?.len();
    ensure!(bytes < ISO_LIMIT_BYTES, "{} has {bytes} bytes", path.display());
    Ok(())
}
