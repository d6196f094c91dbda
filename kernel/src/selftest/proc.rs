//! The tests of the files under `/proc`: figures that two files show agree, and reading leaves no trace.

use arrayvec::ArrayString;
use vfs::{Kind, OpenFlags, PathBuffer};

use crate::arch::clock;
use crate::fs::VFS;
use crate::memory::free_pages;
use crate::memory::heap::tracker;
use crate::selftest::{Finding, Outcome, Verdict};

/// Lines are read up to this length.
const MAX_LINE_BYTES: usize = 256;
const PAGE_KIB: u64 = 4;

/// All memory that is not free is listed.
pub(crate) fn meminfo_adds_up() -> Outcome {
    const PARTS: [&str; 11] = [
        "MemFree",
        "Shmem",
        "Slab",
        "HeapLarge",
        "PageTables",
        "FileBuffers",
        "SymbolIndex",
        "BlackBox",
        "MemstatArena",
        "GuardPages",
        "DriverPages",
    ];
    let (mut total, mut sum, mut parts) = (0, 0, 0);
    for_each_line("/proc/meminfo", |line| {
        let Some((name, rest)) = line.split_once(':') else { return };
        let kib = rest.trim().strip_suffix(" kB").and_then(|number| number.parse::<u64>().ok());
        if name == "MemTotal" {
            total = kib.unwrap_or(0);
        }
        if PARTS.contains(&name) {
            parts += 1;
            sum += kib.unwrap_or(0);
        }
    })?;
    if parts != PARTS.len() {
        return Err("a field is missing");
    }
    if sum == total { Ok(()) } else { Err("MemTotal is not the sum of its parts") }
}

/// The free blocks are the free memory.
pub(crate) fn buddyinfo_is_what_is_free() -> Outcome {
    let (mut pages, mut orders) = (0, 0);
    for_each_line("/proc/buddyinfo", |line| {
        for (order, count) in line.split_whitespace().skip(4).enumerate() {
            pages += count.parse::<u64>().unwrap_or(0) << order;
            orders += 1;
        }
    })?;
    if orders != 11 {
        return Err("there are not 11 orders");
    }
    if pages * PAGE_KIB == meminfo("MemFree")? { Ok(()) } else { Err("the free blocks are not MemFree") }
}

/// The slabs of `slabinfo` are the slab memory of `meminfo`, on a heap that has slabs.
pub(crate) fn slabinfo_is_what_slabs_take() -> Finding {
    const HEAD_LINES: usize = 2;
    let (mut pages, mut lines) = (0, 0);
    for_each_line("/proc/slabinfo", |line| {
        lines += 1;
        let number =
            |place: usize| line.split_whitespace().nth(place).and_then(|word| word.parse::<u64>().ok());
        // Pages a slab, and slabs.
        if let Some((each, slabs)) = number(5).zip(number(14)).filter(|_| lines > HEAD_LINES) {
            pages += each * slabs;
        }
    })?;
    if lines <= HEAD_LINES {
        return Ok(Verdict::Skipped("this heap has no slabs"));
    }
    if pages * PAGE_KIB == meminfo("Slab")? { Ok(Verdict::Passed) } else { Err("the slabs are not Slab") }
}

/// The times of the CPUs add up to those of the first line.
pub(crate) fn cpu_times_add_up() -> Outcome {
    const FIELDS: usize = 10;
    let (mut rest, mut lines) = ([0_i64; FIELDS], 0);
    for_each_line("/proc/stat", |line| {
        let Some((name, times)) = line.split_once(' ').filter(|(name, _)| name.starts_with("cpu")) else {
            return;
        };
        let sign = if name == "cpu" { 1 } else { -1 };
        lines += usize::from(times.split_whitespace().count() == FIELDS);
        for (sum, time) in rest.iter_mut().zip(times.split_whitespace()) {
            *sum += sign * time.parse::<i64>().unwrap_or(i64::MAX >> 1);
        }
    })?;
    if lines < 2 {
        return Err("a line has not ten figures");
    }
    if rest == [0; FIELDS] { Ok(()) } else { Err("the CPUs' times are not those of all") }
}

/// The tracker finds its own figures consistent.
pub(crate) fn memstat_is_consistent() -> Outcome {
    let mut is_consistent = false;
    for_each_line("/proc/memstat", |line| is_consistent |= line == "consistent: yes")?;
    if is_consistent { Ok(()) } else { Err("the figures do not agree") }
}

/// However often a file is read, heap and pages are as before.
pub(crate) fn reading_leaves_no_trace() -> Outcome {
    let mut path = PathBuffer::new();
    path.push_str("/proc");
    visit(&mut path, &mut |path| {
        const READS: u32 = 10_000;
        /// Files of which many reads take longer are read fewer times.
        const MAX_READING_NS: u64 = 100_000_000;
        let before = (tracker().counters(), free_pages());
        let end_ns = clock::uptime_ns() + MAX_READING_NS;
        let mut reads = 0;
        while reads < READS && (reads < 3 || clock::uptime_ns() < end_ns) {
            read_through(path)?;
            reads += 1;
        }
        if reads < READS {
            log::debug!("selftest: {path} was read {reads} times");
        }
        if (tracker().counters(), free_pages()) == before {
            Ok(())
        } else {
            log::error!("reading {path} changed the heap or the pages");
            Err("reading a file left a trace")
        }
    })
}

/// Hands every file below a directory to `check`.
fn visit(path: &mut PathBuffer, check: &mut dyn FnMut(&str) -> Outcome) -> Outcome {
    const UNREADABLE: &str = "a directory can't be read";
    let directory = VFS.open("/", path, OpenFlags::READ).map_err(|_| UNREADABLE)?;
    let length = path.len();
    let mut outcome = Ok(());
    while let Ok(Some(entry)) = VFS.read_directory(directory) {
        let is_short = path.try_push('/').is_ok() && path.try_push_str(&entry.name).is_ok();
        outcome = outcome.and(match entry.kind {
            _ if !is_short => Err("a path is too long"),
            Kind::Directory => visit(path, check),
            Kind::File => check(path),
            _ => Ok(()),
        });
        path.truncate(length);
    }
    VFS.close(directory).map_err(|_| UNREADABLE)?;
    outcome
}

fn read_through(path: &str) -> Outcome {
    let file = VFS.open("/", path, OpenFlags::READ).map_err(|_| "a file does not open")?;
    let mut buffer = [0; 4096];
    while let Ok(1..) = VFS.read(file, &mut buffer) {}
    VFS.close(file).map_err(|_| "a file does not close")
}

/// Hands every line of a file to `visit`, the end of a long one cut off.
fn for_each_line(path: &str, mut visit: impl FnMut(&str)) -> Outcome {
    let file = VFS.open("/", path, OpenFlags::READ).map_err(|_| "a file does not open")?;
    let mut line = ArrayString::<MAX_LINE_BYTES>::new();
    let mut buffer = [0; 64];
    while let Ok(count @ 1..) = VFS.read(file, &mut buffer) {
        for byte in buffer.iter().take(count) {
            if *byte == b'\n' {
                visit(&line);
                line.clear();
            } else {
                line.try_push((*byte).into()).unwrap_or_default();
            }
        }
    }
    VFS.close(file).map_err(|_| "a file does not close")
}

/// A field of meminfo, in kB.
fn meminfo(name: &str) -> Result<u64, &'static str> {
    let mut found = None;
    for_each_line("/proc/meminfo", |line| {
        let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
        found = found.or_else(|| rest?.split_whitespace().next()?.parse().ok());
    })?;
    found.ok_or("a field is missing")
}
