//! Memory of every size: the figures must grow with it and add up.

use crate::error::{Result, ensure};
use crate::figures::{IoMem, MemInfo};
use crate::machine::{DEFAULT, Firmware, Machine};
use crate::suite::{Judge, Scenario};
use crate::vm::Vm;

const MIB: u64 = 1 << 20;
/// How far `MemTotal` may lie from the memory that firmware, kernel image and frame tables leave.
const TOLERANCE: u64 = 8 * MIB;
/// The tables that describe the frames take at most this part of the memory: 16 bytes a page.
const FRAME_TABLES_PART: u64 = 256;

/// A row of the table below: a machine with so many mebibytes.
const fn sized<const MEBIBYTES: u64>(name: &'static str, firmware: Firmware) -> Scenario {
    let machine = Machine { memory_mib: MEBIBYTES, firmware, ..DEFAULT };
    Scenario {
        name,
        about: "MemTotal is what -m gives less what firmware and kernel take",
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
    let info = MemInfo::parse(&vm.run("cat /proc/meminfo")?)?;
    let memory = IoMem::parse(&vm.run("cat /proc/iomem")?)?;

    let installed = MEBIBYTES * MIB;
    let usable = memory.bytes("System RAM");
    ensure!(usable <= installed, "iomem: {usable} bytes of System RAM, {installed} are installed");
    let firmware = installed - usable;
    // OVMF keeps several megabytes for itself; a map that misses a bank would lose far more.
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
    for taker in ["Slab", "HeapLarge", "MemstatArena", "FileBuffers", "PageTables", "Shmem", "SymbolIndex"] {
        sum += info.kibibytes(taker)? * 1024;
    }
    ensure!(sum == total, "free and taken memory sum up to {sum}, MemTotal is {total}");
    ensure!(free >= total / 2, "only {free} of {total} bytes are free right after boot");
    Ok(())
}
