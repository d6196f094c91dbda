//! Python's psutil on the captured folder: its `PROCFS_PATH` says where /proc is.

use std::process::Command;

use serde_json::Value;

use super::{Captured, same};
use crate::error::{Error, Result, ensure};

const SCRIPT: &str = include_str!("psutil.py");
/// Debian's Python first: another one in PATH may not find Debian's packages.
const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];
/// A tick of `stat`, in seconds.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory, times, and the process.
pub(super) fn read(proc: &Captured) -> Result<()> {
    let output = run(proc)?;
    let number = |pointer: &str| {
        let value = output.pointer(pointer).and_then(Value::as_f64);
        value.ok_or_else(|| Error::Wrong(format!("{pointer} was not read")))
    };
    let bytes = |label: &str| Ok::<_, Error>((proc.number("meminfo", label, 0)? * 1024) as f64);
    for (pointer, label) in [
        ("/memory/total", "MemTotal:"),
        ("/memory/free", "MemFree:"),
        ("/memory/available", "MemAvailable:"),
        ("/memory/buffers", "Buffers:"),
        ("/memory/shared", "Shmem:"),
        ("/memory/active", "Active:"),
        ("/memory/inactive", "Inactive:"),
        ("/memory/slab", "Slab:"),
        ("/swap/total", "SwapTotal:"),
        ("/swap/free", "SwapFree:"),
    ] {
        same(pointer, &number(pointer)?, &bytes(label)?)?;
    }
    same("/memory/cached", &number("/memory/cached")?, &(bytes("Cached:")? + bytes("SReclaimable:")?))?;

    let times =
        ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"];
    for (place, time) in times.into_iter().enumerate() {
        for (pointer, label) in
            [(format!("/times/{time}"), "cpu"), (format!("/times_by_cpu/0/{time}"), "cpu0")]
        {
            let seconds = proc.number("stat", label, place)? as f64 / TICKS_PER_SECOND;
            same(&pointer, &number(&pointer)?, &seconds)?;
        }
    }
    let cpus = proc.text("stat")?.lines().filter(|line| line.starts_with("cpu")).count() - 1;
    same("CPUs", &number("/cpus")?, &(cpus as f64))?;
    let boot_time = proc.number("stat", "btime", 0)? as f64;
    for (pointer, figure) in [
        ("/boot_time", boot_time),
        ("/stats/ctx_switches", proc.number("stat", "ctxt", 0)? as f64),
        ("/stats/interrupts", proc.number("stat", "intr", 0)? as f64),
        ("/stats/soft_interrupts", proc.number("stat", "softirq", 0)? as f64),
        ("/pids/0", proc.pid() as f64),
        ("/parent", proc.number("self/status", "PPid:", 0)? as f64),
        ("/threads", proc.number("self/status", "Threads:", 0)? as f64),
        ("/user_ids/0", proc.number("self/status", "Uid:", 0)? as f64),
    ] {
        same(pointer, &number(pointer)?, &figure)?;
    }
    ensure!(
        output.pointer("/pids/1").is_none(),
        "there is one process, but {:?} were read",
        output.get("pids")
    );
    let created = number("/created")?;
    ensure!(created >= boot_time, "the process began {created} s after 1970, before the boot at {boot_time}");
    let pages = proc.text("self/statm")?;
    let mut pages = pages.split(' ').filter_map(|word| word.parse::<f64>().ok());
    same("size", &Some(number("/size")?), &pages.next().map(|count| count * 4096.0))?;
    same("resident", &Some(number("/resident")?), &pages.next().map(|count| count * 4096.0))?;
    let name = output.get("name").and_then(Value::as_str);
    same("name", &name, &Some(proc.text("self/comm")?.trim_end()))
}

/// Runs the script with the first Python that has psutil.
fn run(proc: &Captured) -> Result<Value> {
    let mut complaint = String::from("no python3 is there");
    for python in PYTHONS {
        let mut command = Command::new(python);
        command.args(["-W", "error", "-c", SCRIPT]).arg(proc.folder()).arg(proc.pid().to_string());
        let Ok(output) = command.output() else { continue };
        if output.status.success() {
            return serde_json::from_slice(&output.stdout).map_err(|error| Error::Wrong(error.to_string()));
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let last_line = text.trim_end().lines().next_back();
        last_line.unwrap_or("it failed without a word").clone_into(&mut complaint);
        if !complaint.contains("No module named 'psutil'") {
            break;
        }
    }
    Err(Error::Wrong(format!("{complaint} (`scripts/setup` installs python3-psutil)")))
}
