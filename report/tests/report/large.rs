//! Large inputs: how long the program takes, and how much memory.
//!
//! The bounds are for a build without full optimization, on a machine that does other work too; docs/profiling.md has what
//! was measured of a release.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{allocate, dumped, free, set_stack, tracker};
use memstat::Level;
use memstat::report::{DumpOptions, DumpParts};

/// What came of a run: output, messages, the most memory that it had, and its time.
struct Run {
    stdout: String,
    stderr: String,
    peak_kib: u64,
    time: Duration,
}

fn run(arguments: &[&str], file: &Path) -> Run {
    let (out, err) = (file.with_extension("out"), file.with_extension("err"));
    let mut program = Command::new(env!("CARGO_BIN_EXE_memstat-report"));
    program.args(arguments).arg(file).stdin(Stdio::null());
    program.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
    let start = Instant::now();
    let mut child = program.spawn().unwrap();
    let mut peak_kib = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse().ok());
        peak_kib = peak.unwrap_or(0).max(peak_kib);
        sleep(Duration::from_millis(5));
    }
    let time = start.elapsed();
    let [stdout, stderr] = [out, err].map(|path| fs::read_to_string(path).unwrap());
    eprintln!("{arguments:?}: {time:?}, {peak_kib} KiB");
    Run { stdout, stderr, peak_kib, time }
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

fn remove(file: &Path) {
    for path in [file.to_owned(), file.with_extension("out"), file.with_extension("err")] {
        let _ = fs::remove_file(path);
    }
}

/// A dump of 100,000 blocks under 1,000 stacks.
fn dump() -> String {
    let tracker = tracker(Level::Stacks);
    for number in 0..1000_usize {
        let addresses: Vec<_> = (0..16).map(|frame| 0xffff_ffff_8010_0000 + number * 0x400 + frame).collect();
        set_stack(&tracker, &addresses);
        for block in 0..100 {
            allocate(&tracker, 24 + block * 40, 8);
        }
    }
    free(&tracker, allocate(&tracker, 8, 8));
    dumped(&tracker, &DumpOptions { program: "large", parts: DumpParts::Blocks, ..DumpOptions::default() })
}

/// Ten dumps: the third among messages, the fourth cut, the sixth with a flipped bit.
fn log(dump: &str) -> String {
    let mut log = String::new();
    for number in 1..=10 {
        for line in 0..1000 {
            writeln!(log, "[{number:5}.{line:06}] message {line}: nothing that a reader of dumps wants")
                .unwrap();
        }
        match number {
            3 => dump.split_inclusive('\n').enumerate().for_each(|(count, line)| {
                log += line;
                if count % 100 == 0 {
                    log += "[ 3.000000] a message between two lines ~ of a dump\r\n";
                }
            }),
            4 => log += &dump[..dump.len() / 2],
            6 => log += &dump.replacen("b 5", "b 4", 1).replacen("~b 7", "~b 6", 1),
            _ => log += dump,
        }
    }
    log
}

#[test]
fn a_serial_log_of_fifty_megabytes_is_read_quickly_and_in_little_memory() {
    let dump = dump();
    let log = log(&dump);
    assert!(log.len() > 44_000_000, "{} bytes", log.len());
    let file = file("large-log", &log);
    let list = run(&["--list"], &file);
    let states: Vec<_> =
        list.stdout.lines().filter_map(|line| line.rsplit_once("blocks: ")).map(|(_, state)| state).collect();
    let mut expected = ["whole"; 10];
    (expected[3], expected[5]) = ("cut", "damaged");
    assert_eq!(states, expected);
    let page = run(&["-f", "html"], &file);
    // Nine are used, the damaged one but for one line.
    assert_eq!(page.stdout.matches("\"time_us\":").count(), 9);
    let told: Vec<_> = page.stderr.lines().filter(|line| line.contains("is not used")).collect();
    assert!(
        told.len() == 1 && told[0].contains("#4 line ") && told[0].contains("the dump is cut"),
        "{}",
        page.stderr
    );
    for run in [&list, &page] {
        assert!(
            run.peak_kib < 200 * 1024 && run.time < Duration::from_secs(20),
            "{} KiB, {:?}",
            run.peak_kib,
            run.time
        );
    }
    remove(&file);
}

/// A dump as a kernel would write it, of a million blocks under 10,000 stacks.
fn million() -> String {
    let (mut text, mut all, mut count) = (String::new(), crc32fast::Hasher::new(), 0_u64);
    let mut line = |line: &str| {
        let check = crc32fast::hash(line.as_bytes());
        all.update(&check.to_le_bytes());
        count += 1;
        writeln!(text, "~{line}*{:04x}", check & 0xffff).unwrap();
        (count, all.clone().finalize())
    };
    line("memstat-dump 1 large 5000000");
    line("level stacks 0 0 0 -");
    line("totals 1000000 100000000 0 0 0 0 0");
    line("live 1000000 1000000 100000000 112000000 1000000 100000000");
    for stack in 1..=10_000_u64 {
        let frames: Vec<_> = (0..16)
            .map(|depth| format!("{:x}", 0xffff_ffff_8000_0000 + (stack >> (15 - depth)) * 16 + depth))
            .collect();
        line(&format!("s {stack} 100 10000 10000 100 10000 5 {}", frames.join(" ")));
    }
    for block in 0..1_000_000_u64 {
        line(&format!(
            "b {:x} 100 {} {block} {}",
            0xffff_8000_0000_0000 + block * 112,
            block % 10_000 + 1,
            block * 4
        ));
    }
    let (count, all) = line("during 0 0");
    line(&format!("end {count} {all:08x}"));
    text
}

#[test]
fn a_million_blocks_are_reported_quickly() {
    let file = file("million", &million());
    for (form, start) in [("table", "large at "), ("html", "<!DOCTYPE html>"), ("flame", "<?xml")] {
        let run = run(&["-f", form], &file);
        assert!(run.stdout.starts_with(start) && run.stderr.is_empty(), "{form}: {}", run.stderr);
        assert!(run.peak_kib < 400 * 1024 && run.time < Duration::from_secs(20), "{form}: {:?}", run.time);
    }
    remove(&file);
}
