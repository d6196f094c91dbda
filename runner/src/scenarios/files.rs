//! The files of /proc: exactly Linux's formats, readable by other programs, with consistent figures.

use std::time::Duration;

use crate::error::{Error, Result, ensure};
use crate::figures::Allocs;
use crate::grammar;
use crate::machine::{DEFAULT, Machine};
use crate::readers::{self, Captured};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

/// The maximum depth of directories below /proc.
const MAX_DEPTH: usize = 4;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "proc-million-blocks",
        about: "a million live blocks are listed once each, in bounded memory, while others come and go",
        judge: Judge::Drive(Machine { memory_mib: 256, ..DEFAULT }, million_blocks_are_listed),
    },
    Scenario {
        name: "proc-grammar",
        about: "each file that Linux has keeps its format to the letter",
        judge: Judge::Drive(DEFAULT, formats_are_linuxs),
    },
    Scenario {
        name: "proc-readers",
        about: "procfs, procps and psutil read the figures that stand in the files",
        judge: Judge::Drive(DEFAULT, others_read_the_same),
    },
    Scenario {
        name: "proc-allocs",
        about: "the summary is the sum of the rows, and two reads show the same blocks",
        judge: Judge::Drive(DEFAULT, allocs_agree),
    },
    Scenario {
        name: "proc-others",
        about: "each file is there, and reading it leaves no trace in the heap",
        judge: Judge::Drive(DEFAULT, reading_leaves_no_trace),
    },
];

fn formats_are_linuxs(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let mut failures = Vec::new();
    for (file, judge) in grammar::FILES {
        let judged = vm.read_file(&format!("/proc/{file}")).and_then(|text| judge(&text));
        failures.extend(judged.err().map(|error| error.to_string()));
    }
    let sums = vm.read_file("/proc/stat").and_then(|text| times_add_up(&text));
    failures.extend(sums.err().map(|error| error.to_string()));
    failures.extend(versions_agree(vm).err().map(|error| error.to_string()));
    if failures.is_empty() { Ok(()) } else { Err(Error::Wrong(failures.join("; "))) }
}

/// In stat, each time of all CPUs is the sum of the CPUs' own.
fn times_add_up(stat: &str) -> Result<()> {
    let mut sums: Vec<u64> = Vec::new();
    let mut cpu_times: Vec<u64> = Vec::new();
    for line in stat.lines().filter(|line| line.starts_with("cpu")) {
        let mut words = line.split_whitespace();
        let is_sum = words.next() == Some("cpu");
        let times: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
        if is_sum {
            cpu_times = times;
        } else {
            sums.resize(sums.len().max(times.len()), 0);
            sums.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
        }
    }
    ensure!(
        !sums.is_empty() && sums == cpu_times,
        "stat: the CPUs' times sum up to {sums:?}, `cpu` says {cpu_times:?}"
    );
    Ok(())
}

/// What `uname` prints on Linux is in files, too.
fn versions_agree(vm: &mut Vm) -> Result<()> {
    let mut read = |file: &str| vm.read_file(&format!("/proc/sys/kernel/{file}"));
    let (system, release, build) = (read("ostype")?, read("osrelease")?, read("version")?);
    let version = vm.read_file("/proc/version")?;
    let begin = format!("{} version {} (", system.trim_end(), release.trim_end());
    ensure!(version.starts_with(&begin), "version: `{version}` does not begin `{begin}`");
    ensure!(
        version.ends_with(&format!(") {build}")),
        "version: `{version}` does not end with the build `{build}`"
    );
    Ok(())
}

fn others_read_the_same(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    readers::read_all(&Captured::take(vm)?)
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

fn reading_leaves_no_trace(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let before = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let files = files_below(vm, "/proc", MAX_DEPTH)?;
    for (file, _) in grammar::FILES {
        let path = format!("/proc/{file}");
        ensure!(files.contains(&path), "ls below /proc does not list {path}, but: {}", files.join(" "));
    }
    let mounts = vm.run("cat /proc/mounts")?;
    ensure!(mounts.contains(" /proc proc "), "/proc/mounts does not name /proc:\n{mounts}");
    let after = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    ensure!(before == after, "reading /proc changed the heap:\n{before:?}\n{after:?}");
    Ok(())
}

/// Reads every file in a directory and in those below it, and says which there are.
fn files_below(vm: &mut Vm, directory: &str, depth: usize) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for name in vm.run(&format!("ls {directory}"))?.split_whitespace() {
        let path = format!("{directory}/{}", name.trim_end_matches('/'));
        let text = vm.run(&format!("cat {path}"))?;
        if text.contains("EISDIR") && text.starts_with("cat: ") {
            ensure!(depth > 0, "{path} lies deeper than {MAX_DEPTH} directories");
            files.extend(files_below(vm, &path, depth - 1)?);
            continue;
        }
        ensure!(!text.starts_with("cat: "), "{path}: {text}");
        ensure!(
            !text.is_empty() || matches!(name, "cmdline" | "kmemleak" | "vmallocinfo"),
            "{path} is empty"
        );
        files.push(path);
    }
    Ok(files)
}

fn million_blocks_are_listed(vm: &mut Vm) -> Result<()> {
    const LIMIT: Duration = Duration::from_mins(2);
    vm.wait_for_boot()?;
    vm.enter("bench list 1000000")?;
    let answer = vm.wait_for_prompt("`bench list`", LIMIT)?;
    for expected in ["live_blocks=1000000 missing=0", "live_blocks=1000000 twice=0"] {
        ensure!(answer.contains(expected), "not `{expected}`:\n{answer}");
    }
    let pages =
        answer.lines().find_map(|line| line.trim_end().rsplit_once(" text_pages=")?.1.parse::<u32>().ok());
    ensure!(pages.is_some_and(|pages| pages <= 16), "the text took {pages:?} pages:\n{answer}");
    Ok(())
}
