//! Names in call stacks: function, file and line, and what is left of them if the debug information is damaged.

use super::selftest::skippable::LINES;
use super::selftest::{judge_selftests, run_selftests};
use super::sources::{INTERACTIVE, KERNEL};
use super::stopped_report;
use crate::error::{Error, Result, ensure};
use crate::figures::{AllocInfo, Allocs, MemInfo, PagesFile};
use crate::machine::{DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

/// A row of the table below: useless debug information, on a machine of either size.
const fn damaged(name: &'static str, memory_mib: u64, cmdline: &'static str) -> Scenario {
    Scenario {
        name,
        about: "with damaged debug information boot, reports and self-tests work without line numbers",
        judge: Judge::Drive(Machine { memory_mib, cmdline, ..DEFAULT }, names_fall_back),
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "names",
        about: "stacks and call sites have files and lines of this source, no path of the build machine",
        judge: Judge::Drive(DEFAULT, stacks_have_lines),
    },
    Scenario {
        name: "names-32M",
        about: "on a small machine too",
        judge: Judge::Drive(Machine { memory_mib: 32, ..DEFAULT }, stacks_have_lines),
    },
    Scenario {
        name: "names-stack-ends",
        about: "call stacks end with the function of the command, or of the boot; frames all shows the rest",
        judge: Judge::Drive(DEFAULT, stacks_end_with_the_command),
    },
    Scenario {
        name: "names-reading",
        about: "reading them changes no figure of memory",
        judge: Judge::Drive(DEFAULT, reading_changes_nothing),
    },
    damaged("names-off", 256, "symbols=off"),
    damaged("names-cut", 256, "symbols=cut"),
    damaged("names-noise", 256, "symbols=noise"),
    damaged("names-noise-32M", 32, "symbols=noise"),
    damaged("names-scattered", 256, "symbols=scattered"),
    damaged("names-scattered-32M", 32, "symbols=scattered"),
    damaged("names-blind", 256, "symbols=blind"),
    Scenario {
        name: "names-16M",
        about: "without memory for the index, boot, reports and self-tests work without line numbers",
        judge: Judge::Drive(Machine { memory_mib: 16, ..DEFAULT }, names_fall_back),
    },
    damaged("names-noise-16M", 16, "symbols=noise"),
];

fn stacks_have_lines(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let stacks = vm.run("memstat stacks")?;
    let has_inlined = stacks.lines().any(|line| line.ends_with(" (inlined)") && place_of(line).is_some());
    ensure!(has_inlined, "no stack names an inlined function with its line:\n{stacks}");
    let has_outer =
        stacks.lines().any(|line| line.contains("tally::boot_up+0x") && line.contains(&KERNEL.place()));
    ensure!(has_outer, "no stack names boot_up with its line:\n{stacks}");
    let allocs = vm.run("cat /proc/allocs")?;
    Allocs::parse(&allocs)?;
    let unnamed = allocs.lines().skip(3).find(|row| place_of(row).is_none());
    ensure!(unnamed.is_none(), "no file and line: {unnamed:?}");
    let sites = allocinfo(vm)?;
    let named = sites.sites.iter().filter(|site| !site.tag.starts_with('<'));
    let is_from_here = |tag: &str| tag.starts_with("vfs/src/") && tag.contains(" [vfs] func:");
    ensure!(named.clone().any(|site| is_from_here(&site.tag)), "allocinfo names no site in vfs");
    vm.enter("bug panic")?;
    let report = stopped_report(vm)?;
    ensure!(
        report.contains(&format!("run_line {}", INTERACTIVE.place())),
        "a panic names no line:\n{report}"
    );
    for text in [&stacks, &allocs, &report] {
        ensure!(!text.contains(" /"), "an absolute path is shown:\n{text}");
    }
    Ok(())
}

/// File and line at the end of a row, if they are there.
fn place_of(row: &str) -> Option<(&str, u32)> {
    let (file, line) = row.strip_suffix(" (inlined)").unwrap_or(row).rsplit(' ').next()?.rsplit_once(':')?;
    let is_source =
        !file.starts_with('/') && file.rsplit_once('.').is_some_and(|(_, extension)| extension == "rs");
    is_source.then_some(())?;
    Some((file, line.parse().ok()?))
}

/// Reads `/proc/allocinfo` and compares it with `/proc/allocs` and `/proc/pages`.
fn allocinfo(vm: &mut Vm) -> Result<AllocInfo> {
    let info = AllocInfo::parse(&vm.read_file("/proc/allocinfo")?)?;
    let allocs = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let pages = PagesFile::parse(&vm.run("cat /proc/pages")?)?;
    let expected = (allocs.bytes + pages.recorded_pages * 4096, allocs.blocks + pages.recorded_runs);
    ensure!(
        (info.bytes(), info.calls()) == expected,
        "allocinfo sums up to {} bytes in {} calls, allocs and pages to {expected:?}",
        info.bytes(),
        info.calls()
    );
    Ok(info)
}

fn stacks_end_with_the_command(vm: &mut Vm) -> Result<()> {
    const COMMAND: &str = "tally::bugs::command::run+0x";
    const OUTER: [&str; 3] = ["call_command", "execute::run_command+0x", "tally_main+0x"];
    let has_outer = |text: &str| OUTER.into_iter().any(|name| text.contains(name));
    vm.wait_for_boot()?;
    let logged = vm.run("bug double-free")?;
    vm.run("bug leak")?;
    let leaks = vm.run("leaks since boot")?;
    let stacks = vm.run("cat /proc/allocs_by_stack")?;
    let ranked = vm.run("memstat stacks")?;
    for text in [&logged, &leaks, &stacks, &ranked] {
        ensure!(text.contains(COMMAND), "the command is not named:\n{text}");
        ensure!(!has_outer(text), "what called the command is shown:\n{text}");
    }
    let last = leaks.lines().rfind(|line| line.starts_with("    ")).unwrap_or_default();
    ensure!(last.contains(COMMAND), "the stack does not end with the command:\n{leaks}");
    ensure!(stacks.contains("tally::boot_up+0x"), "the boot is not named:\n{stacks}");

    vm.run("echo frames all > /proc/memstat_control")?;
    let setting = vm.run("cat /proc/memstat_control")?;
    ensure!(setting.ends_with("# frames all"), "the control file does not say so:\n{setting}");
    let whole = vm.run("cat /proc/allocs_by_stack")?;
    // A stack of many frames is cut off before the outermost ones.
    for name in OUTER {
        ensure!(whole.contains(name), "frames all shows no {name}:\n{whole}");
    }
    ensure!(has_outer(&vm.run("bug double-free")?), "the log shows no outer frames");
    vm.run("echo frames own > /proc/memstat_control")?;
    let again = vm.run("cat /proc/allocs_by_stack")?;
    ensure!(!has_outer(&again), "frames own shows:\n{again}");

    let planted = vm.run("leaks drill plant 1 1000; cat /proc/allocs_by_stack; leaks drill free")?;
    ensure!(
        planted.contains("tally::commands::lab::drill::run+0x"),
        "the subcommand is not named:\n{planted}"
    );
    for name in ["run_subcommand", "tally::commands::leaks::run+0x"] {
        ensure!(!planted.contains(name), "what called the subcommand is shown:\n{planted}");
    }
    Ok(())
}

fn reading_changes_nothing(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let all = vm.run("cat /proc/meminfo; cat /proc/allocs; cat /proc/allocinfo; cat /proc/meminfo")?;
    let last = all.rfind("MemTotal:").unwrap_or_default();
    let first = all.get(..all.find("allocs - version").unwrap_or_default()).unwrap_or_default();
    let (first, last) = (first.trim_end(), all.get(last..).unwrap_or_default().trim_end());
    ensure!(!first.is_empty() && first == last, "reading names changed meminfo:\n{first}\n{last}");
    let info = MemInfo::parse(&vm.read_file("/proc/meminfo")?)?;
    ensure!(info.kibibytes("SymbolIndex")? > 0, "meminfo: names take no memory");
    Ok(())
}

fn names_fall_back(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let stacks = vm.run("memstat stacks")?;
    let frames = stacks.lines().filter(|line| line.starts_with("    ")).count();
    ensure!(frames >= 2, "there are no call stacks:\n{stacks}");
    allocinfo(vm)?;
    judge_selftests(&run_selftests(vm)?, &[LINES])?;
    vm.enter("bug page-fault")?;
    let report = stopped_report(vm)?;
    let (_, stack) =
        report.split_once("call stack:").ok_or_else(|| Error::Wrong(format!("no call stack in {report}")))?;
    ensure!(stack.matches("0xffffffff8").count() >= 3, "the call stack is cut:\n{report}");
    ensure!(!report.contains("while reporting"), "the report itself faults:\n{report}");
    Ok(())
}
