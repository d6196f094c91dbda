//! The kernels and the program in `integrations`, written as somebody would from the README: they are built as usual,
//! run, and must report what they lose; and the lines that memstat takes in them are counted.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integrations")
}

/// Lines between the marks, without empty ones. Outside of them memstat has no word.
fn glue_lines(file: &str) -> usize {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let mut is_glue = false;
    let mut count = 0;
    for line in text.lines().map(str::trim) {
        match line {
            "// glue: begin" => is_glue = true,
            "// glue: end" => is_glue = false,
            "" => {}
            _ if is_glue => count += 1,
            _ => {
                let is_code = !line.starts_with("//");
                let line = line.replace("kernel_with_memstat::", "");
                assert!(
                    !(is_code && (line.contains("memstat::") || line.contains("HEAP"))),
                    "{file}: `{line}`"
                );
            }
        }
    }
    assert!(!is_glue && count > 0, "{file}");
    count
}

#[test]
fn ten_lines_are_enough_for_a_kernel_and_two_for_a_program() {
    let (blocks, linked_list) = ("kernel/src/bin/blocks.rs", "kernel/src/bin/linked_list.rs");
    for (file, max_lines) in [(blocks, 12), (linked_list, 12), ("program/src/main.rs", 3)] {
        let lines = glue_lines(file);
        println!("{file}: {lines} lines");
        assert!(lines <= max_lines, "{file}: {lines} lines of glue");
    }
}

/// Builds a package in `integrations`, and returns where its programs are: a folder for each set of flags, so that what
/// they depend on is built once for each.
fn build(package: &str, arguments: &[&str], flags: Option<&str>) -> PathBuf {
    let variant = flags.map_or_else(String::new, |flags| flags.trim_start_matches('-').replace('=', "-"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("integrations").join(package).join(variant);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap());
    cargo.current_dir(folder().join(package)).args(["build", "--quiet", "--release"]).args(arguments);
    cargo.env("CARGO_TARGET_DIR", &target).env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS");
    // `core` is built from its sources, which is an unstable option of cargo.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    if let Some(flags) = flags {
        cargo.env("RUSTFLAGS", flags);
    }
    assert!(cargo.status().unwrap().success(), "{package} does not build");
    target
}

/// Builds the program with features of memstat, and keeps it in a folder of its own: the next build takes its place.
fn build_program(features: &str, flags: &str) -> PathBuf {
    static BUILD: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = build("program", &["--features", features], Some(flags));
    let kept = folder.join("kept").join(features);
    std::fs::create_dir_all(&kept).unwrap();
    let program = kept.join("program-with-memstat");
    std::fs::copy(folder.join("release/program-with-memstat"), &program).unwrap();
    program
}

/// Runs a machine until it powers off, and returns what it printed.
fn boot(qemu: &str, arguments: &[&str], kernel: &Path) -> String {
    let mut machine = Command::new(qemu)
        .args(["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-m", "128M"])
        .args(arguments)
        .arg("-kernel")
        .arg(kernel)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{qemu}: {error}; scripts/setup installs it"));
    let output = machine.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            text.push_str(&line);
            text.push('\n');
            if line == "done" {
                break;
            }
        }
        text
    });
    let start = Instant::now();
    while !reader.is_finished() && start.elapsed() < Duration::from_mins(2) {
        std::thread::sleep(Duration::from_millis(20));
    }
    machine.kill().unwrap();
    machine.wait().unwrap();
    reader.join().unwrap()
}

/// The function that an address lies in.
fn function_at(file: &Path, address: u64) -> String {
    use object::{Object, ObjectSymbol};
    let bytes = std::fs::read(file).unwrap();
    let file = object::File::parse(bytes.as_slice()).unwrap();
    let covers = |symbol: &object::Symbol<'_, '_>| address.wrapping_sub(symbol.address()) < symbol.size();
    file.symbols().find(covers).map_or_else(String::new, |symbol| symbol.name().unwrap().to_owned())
}

fn kernels_report_what_they_lose(target: &str, qemu: &str, arguments: &[&str]) {
    let folder = build("kernel", &["--bins", "--target", target], None).join(target).join("release");
    for kernel in ["blocks", "linked_list"] {
        let kernel = folder.join(kernel);
        let output = boot(qemu, arguments, &kernel);
        let lines: Vec<_> = output.lines().map(str::trim).collect();
        assert!(lines.ends_with(&["total: +320 bytes, +10 blocks", "done"]), "{target}: {output}");
        assert!(lines[1].starts_with("+320 bytes, +10 blocks: stack "), "{output}");
        // The innermost frame of the stack that has grown is the function that loses.
        let frame = lines[2].strip_prefix("0x").and_then(|address| u64::from_str_radix(address, 16).ok());
        let function = function_at(&kernel, frame.unwrap());
        assert!(function.contains("lose"), "{target}: {function}\n{output}");
    }
}

#[test]
fn x86_64_kernels_report_what_they_lose() {
    kernels_report_what_they_lose(
        "x86_64-unknown-none",
        "qemu-system-x86_64",
        &["-accel", "tcg", "-device", "isa-debug-exit,iobase=0xf4"],
    );
}

#[test]
fn aarch64_kernels_report_what_they_lose() {
    let arguments = ["-machine", "virt", "-cpu", "cortex-a53"];
    kernels_report_what_they_lose("aarch64-unknown-none-softfloat", "qemu-system-aarch64", &arguments);
}

#[test]
fn riscv64_kernels_report_what_they_lose() {
    let arguments = ["-machine", "virt", "-bios", "none"];
    kernels_report_what_they_lose("riscv64imac-unknown-none-elf", "qemu-system-riscv64", &arguments);
}

/// Addresses of 32 bits, and no 64-bit atomics.
#[test]
fn riscv32_kernels_report_what_they_lose() {
    let arguments = ["-machine", "virt", "-bios", "none"];
    kernels_report_what_they_lose("riscv32imac-unknown-none-elf", "qemu-system-riscv32", &arguments);
}

/// Runs the program with threads and forks; it reports at its exit.
fn run_program(program: &Path, level: &str) -> String {
    let report =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{}-{}", std::process::id(), level.len()));
    let mut command = Command::new(program);
    let status = command.env("MEMSTAT", format!("{level},report={}", report.display())).status().unwrap();
    assert!(status.success(), "{level}: {status}");
    let text = std::fs::read_to_string(&report).unwrap();
    std::fs::remove_file(&report).unwrap();
    text
}

/// A report whose file's name ends with `.dump` is a dump, with the names of functions and where the program was loaded.
fn assert_writes_a_dump(program: &Path) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{}.dump", std::process::id()));
    let report = format!("full,history=1000,report={}", file.display());
    assert!(Command::new(program).env("MEMSTAT", report).status().unwrap().success());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("~memstat-dump 1 program-with-memstat "), "{}", lines[0]);
    assert!(lines[1].starts_with("~offset "), "{}", lines[1]);
    assert!(
        lines[lines.len() - 1].starts_with(&format!("~end {} ", lines.len() - 1)),
        "the last line counts"
    );
    for start in ["~s ", "~b ", "~e ", "~during "] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}");
    }
    let names = lines.iter().filter(|line| line.starts_with("~n "));
    assert!(names.clone().any(|line| line.contains(" program_with_memstat::lose - 0*")), "{text}");
    assert!(names.clone().all(|line| !line.contains("memstat::tracked")), "{text}");
}

#[test]
fn a_program_without_frame_pointers_runs_and_its_report_says_what_to_do() {
    let program = build_program("", "-Cforce-frame-pointers=no");
    for level in ["off", "counters", "blocks", "stacks", "full"] {
        let report = run_program(&program, level);
        let is_told = report.contains("compile it with -Cforce-frame-pointers=yes");
        assert_eq!(is_told, ["stacks", "full"].contains(&level), "{level}: {report}");
    }
}

#[test]
fn call_stacks_have_as_many_frames_as_the_features_say() {
    for (feature, frames) in [("depth-32", 32..=32), ("depth-64", 41..=41)] {
        let program = build_program(feature, "-Cforce-frame-pointers=yes");
        let report = run_program(&program, "stacks");
        let below = report.lines().filter(|line| line.contains("lose_below+0x")).count();
        assert!(frames.contains(&below), "{feature}: {below} frames\n{report}");
    }
}

#[test]
fn a_program_reports_at_its_exit_and_on_a_signal() {
    let program = build_program("", "-Cforce-frame-pointers=yes");
    assert_writes_a_dump(&program);
    let report = run_program(&program, "full,history=1000,guard=full");
    assert!(report.starts_with("heap program, level full\nlive: "), "{report}");
    assert!(report.contains(" 0 bad frees, 0 not recorded"), "{report}");
    // The compiler may make several calls of one.
    let mut lost = 0;
    let mut lines = report.lines().peekable();
    while let Some(line) = lines.next() {
        let blocks = line.split(" bytes in ").nth(1).and_then(|rest| rest.split(' ').next());
        if lines.peek().is_some_and(|frame| frame.contains("::lose+0x")) {
            lost += blocks.and_then(|blocks| blocks.parse::<u32>().ok()).unwrap();
        }
    }
    assert_eq!(lost, 80, "8 threads lose 10 blocks each: {report}");
    let below = report.lines().filter(|line| line.contains("lose_below+0x")).count();
    assert_eq!(below, 16, "{report}");

    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-signal-{}", std::process::id()));
    let mut running = Command::new(&program)
        .arg("wait")
        .env("MEMSTAT", format!("stacks,report={}", file.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    assert!(!file.exists(), "nothing is written before the signal");
    assert!(Command::new("kill").args(["-USR1", &running.id().to_string()]).status().unwrap().success());
    let start = Instant::now();
    while std::fs::read_to_string(&file).map_or(true, |text| !text.contains("lose+0x")) {
        assert!(start.elapsed() < Duration::from_secs(30), "no report");
        std::thread::sleep(Duration::from_millis(20));
    }
    running.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(running.wait().unwrap().success());
    std::fs::remove_file(&file).unwrap();
}

/// To build these allocators takes minutes: `make soak` runs this.
#[test]
#[ignore = "builds two allocators in C"]
fn programs_over_mimalloc_and_jemalloc_report_what_they_lose() {
    let folder = build("allocators", &["--bins"], Some("-Cforce-frame-pointers=yes")).join("release");
    for program in ["mimalloc", "jemalloc", "models"] {
        assert!(Command::new(folder.join(program)).status().unwrap().success(), "{program}");
    }
}

/// To build `core` for each takes minutes: `make soak` runs this.
#[test]
#[ignore = "builds core for four targets"]
fn targets_of_32_bits_and_without_atomics_build() {
    let target_folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("integrations/targets");
    let targets =
        ["thumbv6m-none-eabi", "thumbv7em-none-eabi", "riscv32i-unknown-none-elf", "i686-unknown-linux-gnu"];
    for target in targets {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap());
        cargo.args(["check", "--quiet", "--package", "memstat", "--lib", "--features", "critical-section"]);
        cargo.args(["-Zbuild-std=core,alloc", "--target", target]).env("RUSTC_BOOTSTRAP", "1");
        cargo.env("CARGO_TARGET_DIR", &target_folder);
        assert!(cargo.status().unwrap().success(), "{target}");
    }
}
