//! The program: its exit statuses, and what it says about dumps that are not whole.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::FromRawFd;
use std::process::{Command, Output, Stdio};

use crate::common::{allocate, dumped, free, set_stack, tracker};
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

/// A program that has no end of its own.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_log_that_grows_is_followed() {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("follow-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (log, page) = (folder.join("serial.log"), folder.join("page.html"));
    let text = sample();
    let (start, end) = text.split_at(text.len() / 2);
    std::fs::write(&log, format!("boot\r\n{text}{start}")).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_memstat-report"));
    program.args(["--follow", "-f", "html", "-o"]).args([&page, &log]).stdout(Stdio::piped());
    let mut child = Killed(program.spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "live:"));
    assert!(lines.any(|line| line.starts_with("sum: 360 bytes in 24 blocks live")));
    let dumps = |page: &std::path::Path| {
        let page = std::fs::read_to_string(page).unwrap();
        page.matches("\"time_us\":").count()
    };
    assert_eq!(dumps(&page), 1);
    // The rest of the second dump comes, and then the machine starts anew.
    let mut grown = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    grown.write_all(end.as_bytes()).unwrap();
    assert!(lines.any(|line| line == "what grew since the first dump:"));
    assert!(lines.any(|line| line.starts_with("sum: 0 bytes in 0 blocks live")));
    assert_eq!(dumps(&page), 2);
    std::fs::write(&log, text.as_bytes()).unwrap();
    assert!(lines.any(|line| line.starts_with("sum: 0 bytes in 0 blocks live")));
    assert_eq!(dumps(&page), 3);
    drop(child);
    std::fs::remove_dir_all(&folder).unwrap();
    // What ends is followed to its end.
    let (status, stdout, stderr) = run(&["--follow", "-n", "2"], &(text.clone() + start));
    assert_eq!((status, stdout.matches("live:\n").count()), (0, 1), "{stdout}{stderr}");
}

/// Both ends of a new terminal that changes no bytes, as QEMU sets up its own: `-serial pty`.
fn raw_terminal() -> (std::fs::File, std::path::PathBuf) {
    // SAFETY: plain calls with buffers of the right size; the descriptor is open, and owned by the file from then on.
    unsafe {
        let descriptor = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        assert!(descriptor >= 0 && libc::grantpt(descriptor) == 0 && libc::unlockpt(descriptor) == 0);
        let mut settings: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(descriptor, &raw mut settings), 0);
        libc::cfmakeraw(&raw mut settings);
        assert_eq!(libc::tcsetattr(descriptor, libc::TCSANOW, &raw const settings), 0);
        let mut name = [0; 128];
        assert_eq!(libc::ptsname_r(descriptor, name.as_mut_ptr(), name.len()), 0);
        let name = std::ffi::CStr::from_ptr(name.as_ptr()).to_str().unwrap().into();
        (std::fs::File::from_raw_fd(descriptor), name)
    }
}

#[test]
fn a_terminal_is_followed_until_its_other_end_is_closed() {
    let (mut machine, path) = raw_terminal();
    let mut program = Command::new(env!("CARGO_BIN_EXE_memstat-report"));
    program.arg("--follow").arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Killed(program.spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let text = sample();
    let (start, end) = text.split_at(text.len() / 2);
    // A serial line's text: `\r\n`, and messages around a dump.
    let sent = |text: &str| text.replace('\n', "\r\n");
    machine.write_all(sent(&format!("booting\n{text}ready\n{start}")).as_bytes()).unwrap();
    assert!(lines.any(|line| line == "live:"));
    assert!(lines.any(|line| line.starts_with("sum: 360 bytes in 24 blocks live")));
    machine.write_all(sent(end).as_bytes()).unwrap();
    assert!(lines.any(|line| line == "what grew since the first dump:"));
    assert!(lines.any(|line| line.starts_with("sum: 0 bytes in 0 blocks live")));
    drop(machine);
    assert!(child.0.wait().unwrap().success());
    let mut said = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn texts_for_shells_and_man_are_written() {
    for (arguments, start) in [
        (&["--man"][..], ".TH MEMSTAT"),
        (&["--completions", "bash"], "_memstat_report()"),
        (&["--completions", "zsh"], "#compdef memstat-report"),
        (&["--completions", "fish"], "complete -c memstat-report"),
        (&["--version"], "memstat-report 0."),
    ] {
        let (status, stdout, _) = run(arguments, "");
        assert_eq!(status, 0);
        assert!(stdout.starts_with(start), "{stdout}");
    }
    let (_, script, _) = run(&["--completions", "bash"], "");
    let typed = "COMP_WORDS=(memstat-report --form f) COMP_CWORD=2; _memstat_report; echo ${COMPREPLY[@]}";
    let output = Command::new("bash").args(["-c", &(script + typed)]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "folded flame\n");
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
