//! The program: its exit statuses, and what it says about dumps that are not whole.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use common::{allocate, dumped, free, set_stack, tracker};
use memstat::Level;
use memstat::report::{DumpOptions, DumpParts};

fn sample() -> String {
    let tracker = tracker(Level::Stacks);
    for number in 1..30 {
        set_stack(&tracker, &[0x1000 + number % 4, 0x2000]);
        let block = allocate(&tracker, number, 8);
        if number % 5 == 0 {
            free(&tracker, block);
        }
    }
    dumped(&tracker, &DumpOptions { program: "sample", parts: DumpParts::Blocks, ..DumpOptions::default() })
}

fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_memstat-report"));
    let pipes = program.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    // A program that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (status.code().unwrap(), stdout, stderr)
}

#[test]
fn exit_status_says_whether_the_dump_was_whole() {
    let text = sample();
    let (status, stdout, stderr) = run(&[], &text);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("the dump is whole") && stdout.contains("0x1001"), "{stdout}");
    let torn = text.replacen("~s 2 ", "~s 2 oops", 1);
    let (status, stdout, stderr) = run(&["-t", "stacks"], &torn);
    assert_eq!(status, 3);
    assert!(stdout.contains("stack 1:") && !stdout.contains("stack 2:"), "{stdout}");
    let line = torn.lines().position(|line| line.contains("oops")).unwrap() + 1;
    let expected = format!("standard input: line {line}: torn or changed; not used\n");
    assert!(stderr.contains(&expected) && stderr.contains("the dump is damaged; what is whole"), "{stderr}");
    // A whole dump is preferred to a later one that is not.
    let (status, stdout, _) = run(&["--list"], &(text.clone() + &torn));
    assert_eq!(
        (status, stdout.matches(": whole\n").count(), stdout.matches(": damaged\n").count()),
        (0, 1, 1)
    );
    assert_eq!(run(&["-t", "stacks"], &(text.clone() + &torn)).0, 0);
    assert_eq!(run(&["-t", "stacks", "--", "-#2"], &(text + &torn)).0, 3);
}

#[test]
fn what_cannot_be_reported_is_said_in_one_line() {
    let text = sample();
    for (arguments, input, status, message) in [
        (&["--form", "x"][..], "", 2, "unknown form 'x'; expected table, "),
        (&["a", "b"], "", 2, "one file is expected"),
        (&[], "no dump here\n", 1, "standard input: no dump found"),
        (&["/none"], "", 1, "/none: No such file"),
        (&["--", "-#9"], &text, 1, "expected a dump's number from 1 to 1"),
        (&["--since", "x"], &text, 1, "unknown mark 'x'"),
        (&["-f", "flame", "--function", "none"], &text, 1, "no call stack has live-bytes"),
        (&["--elf", "/proc/version"], &text, 1, "expected a little-endian 64-bit ELF file"),
    ] {
        let (found, _, stderr) = run(arguments, input);
        assert_eq!(found, status, "{arguments:?}: {stderr}");
        assert!(
            stderr.starts_with("memstat-report: ") && stderr.contains(message),
            "{arguments:?}: {stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    assert_eq!(run(&["--help"], "").0, 0);
}
