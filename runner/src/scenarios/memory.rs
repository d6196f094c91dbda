//! Memory of every size: the figures must grow with it and add up.

use crate::error::{Result, ensure};
use crate::figures::{IoMem, MemInfo};
use crate::grammar;
use crate::machine::{DEFAULT, Firmware, Machine};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

const MIB: u64 = 1 << 20;
const FOUR_GIB: u64 = 1 << 32;
const PAGE_KIB: u64 = 4;
/// How far `MemTotal` may be from the memory that firmware, kernel image and frame tables leave.
const TOLERANCE: u64 = 8 * MIB;
/// The tables that describe the frames take at most this part of the memory: 16 bytes per page.
const FRAME_TABLES_PART: u64 = 256;

/// A row of the table below: a machine with so many mebibytes.
const fn sized<const MEBIBYTES: u64>(name: &'static str, firmware: Firmware) -> Scenario {
    let machine = Machine { memory_mib: MEBIBYTES, firmware, ..DEFAULT };
    Scenario {
        name,
        about: "MemTotal is what -m gives less what firmware and kernel take, and all files agree on it",
        judge: Judge::Drive(machine, figures_fit::<MEBIBYTES>),
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    sized::<6144>("memory-6G-uefi", Firmware::Uefi),
    sized::<32>("memory-32M", Firmware::Bios),
    sized::<64>("memory-64M", Firmware::Bios),
    sized::<512>("memory-512M", Firmware::Bios),
    sized::<3072>("memory-3G", Firmware::Bios),
    sized::<6144>("memory-6G", Firmware::Bios),
];

fn figures_fit<const MEBIBYTES: u64>(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let info = MemInfo::parse(&vm.read_file("/proc/meminfo")?)?;
    let memory = IoMem::parse(&vm.read_file("/proc/iomem")?)?;

    let installed = MEBIBYTES * MIB;
    ranges_are_installed(&memory, installed)?;
    let usable = memory.bytes("System RAM");
    ensure!(usable <= installed, "iomem: {usable} bytes of System RAM, {installed} are installed");
    let firmware = installed - usable;
    // OVMF keeps several megabytes for itself; a map without a bank of memory would lose far more.
    ensure!(firmware <= 24 * MIB, "iomem: {firmware} bytes of {installed} are missing");

    let image = ["Kernel code", "Kernel rodata", "Kernel data", "Kernel bss"].map(|name| memory.bytes(name));
    let kernel: u64 = image.iter().sum();
    ensure!(kernel > 0, "iomem: the kernel image is not there");

    let total = info.kibibytes("MemTotal")? * 1024;
    let most = usable - kernel;
    let least = most - most / FRAME_TABLES_PART - TOLERANCE;
    ensure!(total <= most, "MemTotal is {total}, iomem leaves {most} bytes");
    ensure!(total >= least, "MemTotal is {total}, at least {least} bytes are expected");

    let free = info.kibibytes("MemFree")? * 1024;
    ensure!(free <= total, "MemFree {free} is more than MemTotal {total}");
    let available = info.kibibytes("MemAvailable")? * 1024;
    ensure!(available <= total, "MemAvailable {available} is more than MemTotal {total}");
    let mut sum = free;
    for taker in [
        "Slab",
        "HeapLarge",
        "MemstatArena",
        "FileBuffers",
        "PageTables",
        "Shmem",
        "SymbolIndex",
        "BlackBox",
        "GuardPages",
    ] {
        sum += info.kibibytes(taker)? * 1024;
    }
    ensure!(sum == total, "free and taken memory sum up to {sum}, MemTotal is {total}");
    let mut linux_sum = 0;
    for part in ["MemFree", "Buffers", "Cached", "Slab", "KernelStack", "PageTables"] {
        linux_sum += info.kibibytes(part)? * 1024;
    }
    ensure!(linux_sum <= total, "Linux's parts of MemTotal sum up to {linux_sum}, it is {total}");
    let is_first_page_used = memory.ranges("System RAM").any(|(start, _)| start < PAGE_KIB * 1024);
    ensure!(!is_first_page_used, "iomem: the first page is no memory to use, as the BIOS's tables are there");
    ensure!(free >= total / 2, "only {free} of {total} bytes are free right after boot");

    let slab = info.kibibytes("Slab")?;
    let parts = info.kibibytes("SReclaimable")? + info.kibibytes("SUnreclaim")?;
    ensure!(slab == parts, "Slab is {slab} kB, its parts are {parts}");
    let slabs = slab_pages(&vm.read_file("/proc/slabinfo")?)? * PAGE_KIB;
    ensure!(slabs == slab, "slabinfo: the slabs have {slabs} kB, Slab is {slab}");
    let blocks = buddy_pages(&vm.read_file("/proc/buddyinfo")?)? * PAGE_KIB * 1024;
    ensure!(blocks == free, "buddyinfo: the free blocks have {blocks} bytes, MemFree is {free}");
    Ok(())
}

/// QEMU places memory from 0 upwards, and what does not fit below its devices from 4 GiB upwards.
fn ranges_are_installed(memory: &IoMem, installed: u64) -> Result<()> {
    // i440fx: less than 3.5 GiB stays together, otherwise 3 GiB are low (QEMU, hw/i386/pc_piix.c).
    let low = if installed >= 0xe000_0000 { 0xc000_0000 } else { installed };
    let high_end = FOUR_GIB + (installed - low);
    for (start, end) in memory.ranges("System RAM") {
        let is_installed = end < low || FOUR_GIB <= start && end < high_end;
        ensure!(is_installed, "iomem: no memory is installed at {start:#x}-{end:#x}");
    }
    let high: u64 =
        memory.ranges("System RAM").filter(|range| range.0 >= FOUR_GIB).map(|(a, b)| b - a + 1).sum();
    ensure!(
        high == installed - low,
        "iomem: {high} bytes above 4 GiB, {} are installed there",
        installed - low
    );
    Ok(())
}

/// The free pages in buddyinfo: its last columns are blocks of 1, 2, 4... pages.
fn buddy_pages(text: &str) -> Result<u64> {
    grammar::buddyinfo(text)?;
    let blocks = text.lines().flat_map(|line| line.split_whitespace().skip(4).enumerate());
    Ok(blocks.map(|(order, count)| count.parse::<u64>().unwrap_or_default() << order).sum())
}

/// The pages of all slabs in slabinfo.
fn slab_pages(text: &str) -> Result<u64> {
    grammar::slabinfo(text)?;
    let pages = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some(words.get(5)?.parse::<u64>().ok()? * words.get(14)?.parse::<u64>().ok()?)
    };
    Ok(text.lines().skip(2).filter_map(pages).sum())
}
