//! The files of /proc: formats to the letter, figures that agree with each other and with themselves.

use crate::error::{Result, ensure};
use crate::figures::{Allocs, IoMem, MemInfo};
use crate::machine::DEFAULT;
use crate::suite::{Judge, Scenario};
use crate::vm::Vm;

/// The fields of Linux's meminfo that must be there, in Linux's order.
const MEMINFO_FIELDS: [&str; 21] = [
    "MemTotal",
    "MemFree",
    "MemAvailable",
    "Buffers",
    "Cached",
    "SwapCached",
    "Active",
    "Inactive",
    "SwapTotal",
    "SwapFree",
    "Dirty",
    "Writeback",
    "Mapped",
    "Shmem",
    "Slab",
    "SReclaimable",
    "SUnreclaim",
    "Committed_AS",
    "VmallocTotal",
    "VmallocUsed",
    "VmallocChunk",
];

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "proc-meminfo",
        about: "Linux's grammar, order and sums",
        judge: Judge::Drive(DEFAULT, meminfo_is_linux_like),
    },
    Scenario {
        name: "proc-allocs",
        about: "the summary is the sum of the rows, and two reads show the same blocks",
        judge: Judge::Drive(DEFAULT, allocs_agree),
    },
    Scenario {
        name: "proc-others",
        about: "each file is there, parses, and reading it leaves no trace in the heap",
        judge: Judge::Drive(DEFAULT, other_files_parse),
    },
];

fn meminfo_is_linux_like(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let info = MemInfo::parse(&vm.run("cat /proc/meminfo")?)?;
    let mut names = info.names().into_iter();
    for field in MEMINFO_FIELDS {
        ensure!(names.any(|name| name == field), "meminfo: {field} is missing or out of order");
    }
    let slab = info.kibibytes("Slab")?;
    let parts = info.kibibytes("SReclaimable")? + info.kibibytes("SUnreclaim")?;
    ensure!(slab == parts, "meminfo: Slab is {slab}, its parts are {parts}");
    Ok(())
}

fn allocs_agree(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let both = vm.run("cat /proc/allocs; cat /proc/allocs")?;
    let second = both.rfind("allocs - version").unwrap_or_default();
    let (first, second) = both.split_at_checked(second).unwrap_or_default();
    let (first, second) = (Allocs::parse(first)?, Allocs::parse(second)?);
    ensure!(first == second, "two reads of allocs differ:\n{first:?}\n{second:?}");
    ensure!(first.blocks > 0, "allocs knows no block: the boot itself allocates some");
    ensure!(first.untracked == 0, "{} blocks are untracked right after boot", first.untracked);
    let addresses: Vec<_> = first.rows.iter().filter_map(|row| row.split_whitespace().next()).collect();
    let mut distinct = addresses.clone();
    distinct.sort_unstable();
    distinct.dedup();
    ensure!(distinct.len() == addresses.len(), "allocs names an address twice");
    Ok(())
}

fn other_files_parse(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let before = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let listing = vm.run("ls /proc")?;
    let names: Vec<&str> = listing.split_whitespace().collect();
    for name in ["allocs", "cmdline", "iomem", "meminfo", "mounts", "uptime", "version"] {
        ensure!(names.contains(&name), "ls /proc does not list {name}:\n{listing}");
    }
    for name in names {
        let text = vm.run(&format!("cat /proc/{name}"))?;
        ensure!(!text.starts_with("cat: "), "/proc/{name}: {text}");
        ensure!(!text.is_empty() || name == "cmdline", "/proc/{name} is empty");
    }
    IoMem::parse(&vm.run("cat /proc/iomem")?)?;
    let version = vm.run("cat /proc/version")?;
    ensure!(version.starts_with("Tally version "), "/proc/version begins `{version}`");
    let mounts = vm.run("cat /proc/mounts")?;
    for line in mounts.lines() {
        ensure!(line.split(' ').count() == 6 && line.ends_with(" 0 0"), "/proc/mounts: `{line}`");
    }
    ensure!(mounts.contains(" /proc proc "), "/proc/mounts does not name /proc:\n{mounts}");
    let uptime = vm.run("cat /proc/uptime")?;
    let numbers: Vec<f64> = uptime.split(' ').filter_map(|word| word.parse().ok()).collect();
    ensure!(numbers.len() == 2 && uptime.split(' ').count() == 2, "/proc/uptime holds `{uptime}`");
    let after = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    ensure!(before == after, "reading /proc changed the heap:\n{before:?}\n{after:?}");
    Ok(())
}
