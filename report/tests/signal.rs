//! A program with memstat writes a dump each time that it gets SIGUSR1, and memstat-report reads it.
//!
//! The program is this one, started once more.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use memstat::Host;
use memstat_report::dump::{Dump, State, read};

#[global_allocator]
static HEAP: Host = Host::new();

/// The size of what is lost before each signal: one that nothing else has.
const LOST_BYTES: usize = 12_347;
const LIMIT: Duration = Duration::from_secs(30);

#[inline(never)]
fn lose() {
    std::mem::forget(black_box(vec![1_u8; LOST_BYTES]));
}

/// Loses a block, and once more for each line that it reads.
#[test]
#[ignore = "started by another test"]
fn losing_program() {
    let mut input = std::io::stdin().lines();
    loop {
        lose();
        println!("ready");
        if input.next().is_none() {
            return;
        }
    }
}

/// The dump in this file, once it is there with so many lost blocks.
fn dump_with(lost: u64, file: &Path) -> Dump {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < LIMIT, "no dump with {lost} blocks");
        sleep(Duration::from_millis(10));
        let Ok(bytes) = std::fs::read(file) else { continue };
        let Ok([dump]) = <[Dump; 1]>::try_from(read(bytes.as_slice()).unwrap()) else { continue };
        let has_all = |dump: &Dump| {
            let of_lost = dump.stacks.iter().filter(|stack| stack.live_bytes == lost * LOST_BYTES as u64);
            of_lost.count() == 1
        };
        if dump.state == State::Whole && has_all(&dump) {
            return dump;
        }
    }
}

#[test]
fn a_dump_comes_with_each_signal_and_is_read() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("signal-{}.dump", std::process::id()));
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["losing_program", "--exact", "--ignored", "--nocapture"])
        .env("MEMSTAT", format!("stacks,report={}", file.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    for round in 1..=3 {
        assert!(lines.any(|line| line.ends_with("ready")), "the program has ended");
        assert_eq!(file.exists(), round > 1, "a dump comes with a signal only");
        assert!(Command::new("kill").args(["-USR1", &program.id().to_string()]).status().unwrap().success());
        let dump = dump_with(round, &file);
        assert_eq!(dump.level, "stacks");

        let mut report = Command::new(env!("CARGO_BIN_EXE_memstat-report"));
        report.args(["-t", "stacks", "-n", "1000", "--elf"]).args([&std::env::current_exe().unwrap(), &file]);
        let output = report.output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
        let row = format!("{} bytes", round * LOST_BYTES as u64);
        let stacks = stdout.split_once(&row).unwrap_or_else(|| panic!("no `{row}` in:\n{stdout}")).1;
        let stack: Vec<_> = stacks.lines().skip(1).take_while(|line| line.starts_with("  ")).collect();
        assert!(
            stack.iter().any(|frame| frame.contains("lose") && frame.contains("signal.rs:")),
            "{stack:#?}"
        );
        program.stdin.as_mut().unwrap().write_all(b"again\n").unwrap();
    }
    assert!(lines.any(|line| line.ends_with("ready")));
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
    // The last dump is that of the exit.
    dump_with(4, &file);
    std::fs::remove_file(&file).unwrap();
}
