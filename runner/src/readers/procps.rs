//! Debian's procps on the captured folder, in a mount namespace in which that is /proc.

use std::process::Command;

use super::{Captured, read_by, same};
use crate::error::{Error, Result, ensure};

/// All of its programs; reports everything that failed, but only once that none of them can run.
pub(super) fn read(proc: &Captured) -> Result<()> {
    run(proc, "true")?;
    read_by(proc, &[("free", free), ("vmstat", vmstat), ("slabtop", slabtop), ("ps", ps)])
}

/// `free -k`: versions differ in how they count caches in `used`, so that column is not checked.
fn free(proc: &Captured) -> Result<()> {
    let shown = run(proc, "free -k")?;
    let row = |label: &str| {
        let line = shown.lines().find_map(|line| line.strip_prefix(label));
        line.map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<u64>>())
    };
    let kib = |label: &str| proc.number("meminfo", label, 0);
    let caches = kib("Buffers:")? + kib("Cached:")? + kib("SReclaimable:")?;
    let memory = row("Mem:").unwrap_or_default();
    for (place, name, figure) in [
        (0, "total", kib("MemTotal:")?),
        (2, "free", kib("MemFree:")?),
        (3, "shared", kib("Shmem:")?),
        (4, "buff/cache", caches),
        (5, "available", kib("MemAvailable:")?),
    ] {
        same(name, &memory.get(place), &Some(&figure))?;
    }
    let (total, free) = (kib("SwapTotal:")?, kib("SwapFree:")?);
    same("swap", &row("Swap:"), &Some(vec![total, total - free, free]))
}

/// `vmstat -s`: a number and its name per line.
fn vmstat(proc: &Captured) -> Result<()> {
    let shown = run(proc, "vmstat -s")?;
    for (name, file, label, place) in [
        ("K total memory", "meminfo", "MemTotal:", 0),
        ("K free memory", "meminfo", "MemFree:", 0),
        ("K active memory", "meminfo", "Active:", 0),
        ("K inactive memory", "meminfo", "Inactive:", 0),
        ("K buffer memory", "meminfo", "Buffers:", 0),
        ("K total swap", "meminfo", "SwapTotal:", 0),
        ("non-nice user cpu ticks", "stat", "cpu", 0),
        ("system cpu ticks", "stat", "cpu", 2),
        ("idle cpu ticks", "stat", "cpu", 3),
        ("stolen cpu ticks", "stat", "cpu", 7),
        ("K paged in", "vmstat", "pgpgin", 0),
        ("K paged out", "vmstat", "pgpgout", 0),
        ("pages swapped in", "vmstat", "pswpin", 0),
        ("interrupts", "stat", "intr", 0),
        ("CPU context switches", "stat", "ctxt", 0),
        ("boot time", "stat", "btime", 0),
        ("forks", "stat", "processes", 0),
    ] {
        let line =
            shown.lines().find_map(|line| line.trim_start().split_once(' ').filter(|line| line.1 == name));
        let number = line.and_then(|(number, _)| number.parse().ok());
        same(name, &number, &Some(proc.number(file, label, place)?))?;
    }
    Ok(())
}

/// `slabtop -o`: the sums over all caches, and every cache that has slabs.
fn slabtop(proc: &Captured) -> Result<()> {
    let shown = run(proc, "slabtop -o -s n")?;
    let mut sums = [0; 4];
    for line in proc.text("slabinfo")?.lines().skip(2) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number =
            |place: usize| words.get(place).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        for (sum, number) in sums.iter_mut().zip([number(1), number(2), number(13), number(14)]) {
            *sum += number;
        }
        if number(2) > 0 {
            let name = words.first().copied().unwrap_or_default();
            let row = shown.lines().find(|line| line.split_whitespace().next_back() == Some(name));
            let read: Vec<&str> = row.unwrap_or_default().split_whitespace().take(2).collect();
            same(
                name,
                &read,
                &vec![words.get(2).copied().unwrap_or_default(), words.get(1).copied().unwrap_or_default()],
            )?;
        }
    }
    let [active, objects, active_slabs, slabs] = sums;
    for (name, figures) in [("Objects", (active, objects)), ("Slabs", (active_slabs, slabs))] {
        let line =
            shown.lines().find(|line| line.trim_start().starts_with(&format!("Active / Total {name}")));
        let output =
            line.and_then(|line| line.split_once(" : ")).map(|(_, output)| output.split(" (").next());
        same(name, &output.flatten(), &Some(format!("{} / {}", figures.0, figures.1).as_str()))?;
    }
    Ok(())
}

/// `ps`: the only process.
fn ps(proc: &Captured) -> Result<()> {
    let shown = run(proc, "ps -e -o pid= -o ppid= -o state= -o rss= -o comm=")?;
    ensure!(shown.lines().count() == 1, "one process is expected:\n{shown}");
    let words = shown.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut expected = vec![proc.pid().to_string()];
    expected.extend(proc.words("self/status", "PPid:")?);
    expected.extend(proc.words("self/status", "State:")?.into_iter().take(1));
    let pages = proc.text("self/statm")?.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
    expected.push((pages.unwrap_or_default() * 4).to_string());
    expected.extend(proc.text("self/comm")?.split_whitespace().map(str::to_owned));
    same("ps", &words, &expected)
}

/// What a program prints if the folder is mounted on /proc, for this program only. Root may do so, and others if they
/// may be root in a user namespace. The program runs as process 1, which the folder has: `ps` looks itself up there.
fn run(proc: &Captured, command: &str) -> Result<String> {
    let folder = proc.folder().canonicalize().map_err(Error::host("looking for the captured files"))?;
    let script = format!("mount --bind \"$1\" /proc && exec {command}");
    let mut complaint = String::new();
    for namespaces in ["-mpf", "-rmpf"] {
        let mut unshare = Command::new("unshare");
        unshare.args([namespaces, "sh", "-c", &script, "sh"]).arg(&folder).env("LC_ALL", "C");
        let output = unshare.output().map_err(Error::host("running unshare"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        complaint = String::from_utf8_lossy(&output.stderr).trim_end().replace('\n', ", ");
        // Only a refused namespace is worth another try.
        if !complaint.starts_with("unshare:") {
            break;
        }
    }
    Err(Error::Wrong(format!(
        "`{command}` needs a mount namespace (root, or user namespaces) with the captured files on /proc: {complaint}"
    )))
}
