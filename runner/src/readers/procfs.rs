//! The crate `procfs` (its part that only parses), reading the captured text.

use std::fmt::Display;
use std::io::Cursor;

use procfs_core::process::{Stat, StatM, Status};
use procfs_core::{
    CpuInfo, ExplicitSystemInfo, FromBufReadSI, FromRead, Iomem, KernelCmdline, KernelStats, LoadAverage,
    Meminfo, MountEntry, Uptime, VmStat,
};

use super::{Captured, same};
use crate::error::{Error, Result, ensure};

/// What Linux tells programs by other means than files.
const SYSTEM: ExplicitSystemInfo =
    ExplicitSystemInfo { boot_time_secs: 0, ticks_per_second: 100, page_size: 4096, is_little_endian: true };

/// Every file that the crate knows.
pub(super) fn read(proc: &Captured) -> Result<()> {
    memory(proc)?;
    times(proc)?;
    others(proc)?;
    process(proc)
}

fn memory(proc: &Captured) -> Result<()> {
    let info: Meminfo = parsed(proc, "meminfo")?;
    for (label, bytes) in [
        ("MemTotal:", Some(info.mem_total)),
        ("MemFree:", Some(info.mem_free)),
        ("MemAvailable:", info.mem_available),
        ("Cached:", Some(info.cached)),
        ("Shmem:", info.shmem),
        ("Slab:", Some(info.slab)),
        ("SUnreclaim:", info.s_unreclaim),
        ("PageTables:", info.page_tables),
        ("KernelStack:", info.kernel_stack),
        ("VmallocTotal:", Some(info.vmalloc_total)),
    ] {
        same(label, &bytes, &Some(proc.number("meminfo", label, 0)? * 1024))?;
    }
    let counts: VmStat = parsed(proc, "vmstat")?;
    same("lines of vmstat", &counts.0.len(), &proc.text("vmstat")?.lines().count())?;
    for (name, count) in counts.0 {
        same(&name, &count.cast_unsigned(), &proc.number("vmstat", &name, 0)?)?;
    }
    let ranges: Iomem = parsed(proc, "iomem")?;
    let text = proc.text("iomem")?;
    same("ranges of iomem", &ranges.0.len(), &text.lines().count())?;
    for ((depth, range), line) in ranges.0.into_iter().zip(text.lines()) {
        let (start, end) = range.address;
        let shown = format!("{}{start:08x}-{end:08x} : {}", "  ".repeat(depth), range.name);
        same("a range", &shown.as_str(), &line)?;
    }
    Ok(())
}

fn times(proc: &Captured) -> Result<()> {
    let reader = Cursor::new(proc.text("stat")?);
    let stat = KernelStats::from_buf_read(reader, &SYSTEM).map_err(refused("stat"))?;
    same("user time", &stat.total.user, &proc.number("stat", "cpu", 0)?)?;
    same("system time", &stat.total.system, &proc.number("stat", "cpu", 2)?)?;
    same("idle time", &stat.total.idle, &proc.number("stat", "cpu", 3)?)?;
    same("guest time", &stat.total.guest_nice, &Some(proc.number("stat", "cpu", 9)?))?;
    same("context switches", &stat.ctxt, &proc.number("stat", "ctxt", 0)?)?;
    same("boot time", &stat.btime, &proc.number("stat", "btime", 0)?)?;
    same("forks", &stat.processes, &proc.number("stat", "processes", 0)?)?;
    let cpus: CpuInfo = parsed(proc, "cpuinfo")?;
    same("CPUs of stat and cpuinfo", &stat.cpu_time.len(), &cpus.num_cores())?;
    let vendor = cpus.vendor_id(0).unwrap_or_default().to_owned();
    same("vendor", &Some(&vendor), &proc.words("cpuinfo", "vendor_id")?.get(1))?;
    let flags = cpus.flags(0).unwrap_or_default().join(" ");
    same("flags", &flags, &proc.words("cpuinfo", "flags")?.get(1..).unwrap_or_default().join(" "))?;

    let uptime: Uptime = parsed(proc, "uptime")?;
    same("uptime", &format!("{:.2} {:.2}\n", uptime.uptime, uptime.idle), &proc.text("uptime")?)?;
    let load: LoadAverage = parsed(proc, "loadavg")?;
    let LoadAverage { one, five, fifteen, cur, max, latest_pid } = load;
    let shown = format!("{one:.2} {five:.2} {fifteen:.2} {cur}/{max} {latest_pid}\n");
    same("load averages", &shown, &proc.text("loadavg")?)
}

fn others(proc: &Captured) -> Result<()> {
    let mounts: Vec<MountEntry> = parsed(proc, "mounts")?;
    let text = proc.text("mounts")?;
    same("mounts", &mounts.len(), &text.lines().count())?;
    for (mount, line) in mounts.iter().zip(text.lines()) {
        let shown = format!("{} {} {} ", mount.fs_spec, mount.fs_file, mount.fs_vfstype);
        ensure!(line.starts_with(&shown), "mounts: `{shown}` was read of `{line}`");
        ensure!(mount.fs_mntops.contains_key("rw") != mount.fs_mntops.contains_key("ro"), "mounts: `{line}`");
    }
    let words: KernelCmdline = parsed(proc, "cmdline")?;
    same("command line", &words.0.join(" ").trim_end(), &proc.text("cmdline")?.trim())
}

fn process(proc: &Captured) -> Result<()> {
    let stat: Stat = parsed(proc, "self/stat")?;
    let status: Status = parsed(proc, "self/status")?;
    same("pid", &stat.pid.unsigned_abs().into(), &proc.pid())?;
    same("pid of status", &status.pid, &stat.pid)?;
    same("parent of status", &status.ppid, &stat.ppid)?;
    same("name", &format!("{}\n", stat.comm), &proc.text("self/comm")?)?;
    same("name of status", &status.name, &stat.comm)?;
    same("state of status", &status.state.chars().next(), &Some(stat.state))?;
    same("threads of status", &status.threads.cast_signed(), &stat.num_threads)?;
    let pages: StatM = parsed(proc, "self/statm")?;
    same("size in stat and statm", &stat.vsize, &(pages.size * 4096))?;
    let text = proc.text("self/stat")?;
    // Field 24, as proc(5) counts them.
    let resident = text.rsplit(") ").next().and_then(|fields| fields.split(' ').nth(21));
    same("resident pages in stat", &Some(stat.rss.to_string().as_str()), &resident)?;
    let text = proc.text("self/statm")?;
    let shown = [pages.size, pages.resident, pages.shared, pages.text, pages.lib, pages.data, pages.dt];
    same("statm", &shown.map(|count| count.to_string()).join(" ").as_str(), &text.trim_end())
}

fn parsed<T: FromRead>(proc: &Captured, file: &str) -> Result<T> {
    T::from_read(Cursor::new(proc.text(file)?)).map_err(refused(file))
}

fn refused<E: Display>(file: &str) -> impl Fn(E) -> Error {
    move |error| Error::Wrong(format!("{file} is refused: {error}"))
}
