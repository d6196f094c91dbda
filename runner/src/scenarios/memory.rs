//! Memory of every size, and wherever it lies: the figures must grow with it and add up.

use super::is_balanced;
use super::selftest::skippable::LINES;
use super::selftest::{judge_selftests, run_selftests};
use crate::error::{Result, ensure};
use crate::figures::{IoMem, MemInfo};
use crate::grammar;
use crate::machine::{Clock, DEFAULT, Firmware, Layout, Machine};
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

/// The same, and the self-tests pass.
const fn tested<const MEBIBYTES: u64>(name: &'static str, firmware: Firmware) -> Scenario {
    // Two of these machines would take more of the host's memory than the CI's have.
    let layout = if MEBIBYTES > 8 << 10 { Layout::Sparse } else { Layout::Plain };
    let machine = Machine { memory_mib: MEBIBYTES, firmware, layout, ..DEFAULT };
    Scenario {
        name,
        about: "the figures fit, and all self-tests pass",
        judge: Judge::PowerOn(machine, figures_and_selftests::<MEBIBYTES>),
    }
}

/// A machine with most of its memory, or one mebibyte of it, at 1 TiB.
const fn far_up(name: &'static str, firmware: Firmware, memory_mib: u64, low_mib: u64) -> Scenario {
    let machine = Machine {
        memory_mib,
        layout: Layout::FarUp { low_mib },
        firmware,
        board: "q35",
        cpu: "EPYC,phys-bits=48",
        ..DEFAULT
    };
    Scenario {
        name,
        about: "memory at 1 TiB is used, what describes it takes no more than elsewhere, and all self-tests pass",
        judge: Judge::PowerOn(machine, memory_far_up_is_used),
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    sized::<6144>("memory-6G-uefi", Firmware::Uefi),
    sized::<32>("memory-32M", Firmware::Bios),
    sized::<64>("memory-64M", Firmware::Bios),
    sized::<512>("memory-512M", Firmware::Bios),
    sized::<3072>("memory-3G", Firmware::Bios),
    sized::<6144>("memory-6G", Firmware::Bios),
    Scenario {
        name: "memory-16M",
        about: "the least that a machine needs: the self-tests pass, but for what needs the index of names",
        judge: Judge::PowerOn(Machine { memory_mib: 16, ..DEFAULT }, |vm| {
            vm.wait_for_boot()?;
            is_balanced(vm)?;
            judge_selftests(&run_selftests(vm)?, &[LINES])
        }),
    },
    far_up("memory-1T", Firmware::Bios, 256, 255),
    Scenario {
        name: "memory-128G-boot",
        about: "from the kernel's start to the prompt it takes less than 3 s, a nanosecond an instruction",
        judge: Judge::PowerOn(much_memory(Clock::Instructions), much_memory_boots_soon),
    },
];

/// Each size by each firmware, with the self-tests.
pub(crate) const SOAK: &[Scenario] = &[
    tested::<32>("memory-tested-32M", Firmware::Bios),
    tested::<64>("memory-tested-64M", Firmware::Bios),
    tested::<3072>("memory-tested-3G", Firmware::Bios),
    tested::<4095>("memory-tested-4095M", Firmware::Bios),
    tested::<4097>("memory-tested-4097M", Firmware::Bios),
    tested::<{ 12 << 10 }>("memory-tested-12G", Firmware::Bios),
    tested::<64>("memory-tested-64M-uefi", Firmware::Uefi),
    tested::<3072>("memory-tested-3G-uefi", Firmware::Uefi),
    tested::<4095>("memory-tested-4095M-uefi", Firmware::Uefi),
    tested::<4097>("memory-tested-4097M-uefi", Firmware::Uefi),
    tested::<{ 12 << 10 }>("memory-tested-12G-uefi", Firmware::Uefi),
    far_up("memory-tested-1T", Firmware::Bios, 6 << 10, 2 << 10),
    far_up("memory-tested-1T-uefi", Firmware::Uefi, 4 << 10, 2 << 10),
    Scenario {
        name: "memory-tested-128G",
        about: "the self-tests take no longer with much memory",
        judge: Judge::PowerOn(much_memory(Clock::Real), selftests_pass),
    },
    Scenario {
        name: "memory-tested-64G",
        about: "the self-tests take no longer with much memory",
        judge: Judge::PowerOn(
            Machine { memory_mib: 64 << 10, layout: Layout::Sparse, ..DEFAULT },
            selftests_pass,
        ),
    },
];

fn figures_and_selftests<const MEBIBYTES: u64>(vm: &mut Vm) -> Result<()> {
    figures_fit::<MEBIBYTES>(vm)?;
    judge_selftests(&run_selftests(vm)?, &[])
}

fn memory_far_up_is_used(vm: &mut Vm) -> Result<()> {
    const TIB: u64 = 1 << 40;
    vm.wait_for_boot()?;
    let memory = IoMem::parse(&vm.read_file("/proc/iomem")?)?;
    ensure!(memory.ranges("System RAM").any(|(start, _)| start == TIB), "iomem: there is no memory at 1 TiB");
    let image = ["Kernel code", "Kernel rodata", "Kernel data", "Kernel bss"].map(|name| memory.bytes(name));
    let most = memory.bytes("System RAM") - image.iter().sum::<u64>();
    let total = MemInfo::parse(&vm.read_file("/proc/meminfo")?)?.kibibytes("MemTotal")? * 1024;
    let least = most - most / FRAME_TABLES_PART - TOLERANCE;
    ensure!((least..=most).contains(&total), "MemTotal is {total}, {least} to {most} bytes are expected");
    is_balanced(vm)?;
    judge_selftests(&run_selftests(vm)?, &[])
}

const fn much_memory(clock: Clock) -> Machine<'static> {
    Machine { memory_mib: 128 << 10, layout: Layout::Sparse, board: "q35", clock, ..DEFAULT }
}

fn selftests_pass(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_selftests(&run_selftests(vm)?, &[])
}

fn much_memory_boots_soon(vm: &mut Vm) -> Result<()> {
    const MAX_BOOT_SECONDS: f64 = 3.0;
    vm.wait_for_boot()?;
    // The last message of the boot says when that was.
    let last = vm.run("dmesg | tail -n 1")?;
    let seconds = last.trim_start_matches('[').split(']').next().and_then(|text| text.trim().parse().ok());
    ensure!(seconds.is_some_and(|seconds: f64| seconds < MAX_BOOT_SECONDS), "the boot ends with `{last}`");
    Ok(())
}

fn figures_fit<const MEBIBYTES: u64>(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    is_balanced(vm)?;
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
        "DriverPages",
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
