//! Panics: what the report says, and what follows it.

use std::time::Duration;

use super::sources::{ADAPTER, BUG, EXECUTE, KERNEL, MAILBOX, PARSER, Source};
use super::{has_all, power_off, stopped_report};
use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Machine, OnReset};
use crate::scenario::{Judge, Scenario};
use crate::text::STOPPED;
use crate::vm::{COMMAND_LIMIT, Vm};

/// The exit status of QEMU after the kernel has written 42 to its device (`kernel/src/crash/ending.rs`).
const PANIC_STATUS: i32 = 85;
const MESSAGE: &str = "asked for by a person";

/// At least so many rows of pixels differ once a report is on the screen: a quarter of 768.
const MIN_CHANGED_ROWS: usize = 192;

/// What `bug double-free; bug stale-free` frees, and who does.
const FREES: [[&str; 2]; 3] = [
    [" 64 bytes ", "drivers::clean_up_after_failed_start+0x"],
    [" 48 bytes ", "drivers::grow_list+0x"],
    [" 5000 bytes ", "drivers::close_list_that_moved+0x"],
];

const EXITS: Machine = Machine {
    cmdline: "memstat=full panic=exit",
    devices: &["isa-debug-exit,iobase=0xf4,iosize=0x04"],
    ..DEFAULT
};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "panic-report",
        about: "message, registers, named call stack, memory, the last ten events; the screen shows it too",
        judge: Judge::Drive(Machine { cmdline: "memstat=full", ..DEFAULT }, report_is_whole),
    },
    Scenario {
        name: "panic-frees",
        about: "without events the report, and the black box after it, have the last frees, and who freed",
        judge: Judge::Drive(
            Machine { cmdline: "panic=reboot", on_reset: OnReset::Reboot, ..DEFAULT },
            last_frees_are_reported,
        ),
    },
    Scenario {
        name: "panic-text-mode",
        about: "a screen of 25 lines ends with cause, address, function, file and line, and how to start again",
        judge: Judge::PowerOn(
            Machine { on_reset: OnReset::Reboot, ..DEFAULT },
            text_screen_ends_with_the_cause,
        ),
    },
    Scenario {
        name: "panic-exit",
        about: "panic=exit hands QEMU's end a status",
        judge: Judge::Drive(EXITS, |vm| ends_with_status(vm, "bug panic", MESSAGE)),
    },
    Scenario {
        name: "panic-exit-fault",
        about: "for a fault too",
        judge: Judge::Drive(EXITS, |vm| ends_with_status(vm, "bug stack-overflow", "kernel stack overflow")),
    },
    Scenario {
        name: "panic-exit-stops",
        about: "without QEMU's device panic=exit stops as panic=halt does",
        judge: Judge::Drive(Machine { devices: &[], ..EXITS }, stops_without_device),
    },
    Scenario {
        name: "panic-reboot",
        about: "panic=reboot comes back to the prompt",
        judge: Judge::Drive(
            Machine { cmdline: "panic=reboot", on_reset: OnReset::Reboot, ..DEFAULT },
            machine_comes_back,
        ),
    },
    Scenario {
        name: "panic-poweroff",
        about: "panic=poweroff switches the machine off",
        judge: Judge::Drive(Machine { cmdline: "panic=poweroff", ..DEFAULT }, machine_goes_off),
    },
    Scenario {
        name: "panic-double",
        about: "a panic in the report ends in a line that says where, and a stop",
        judge: Judge::Drive(Machine { cmdline: "panic=reboot", ..DEFAULT }, second_panic_halts),
    },
    Scenario {
        name: "panic-locked",
        about: "a panic under the tracker's lock is reported without what the lock guards",
        judge: Judge::Drive(DEFAULT, |vm| {
            let report = report_of(vm, "bug locked-panic")?;
            has_all(
                &report,
                &["under the tracker's lock", "panic_under_lock", "memory: ", "tracker's lock is held"],
            )
        }),
    },
    Scenario {
        name: "panic-interrupt",
        about: "a panic in the handler of an interrupt says so, and names what was interrupted",
        judge: Judge::Drive(DEFAULT, |vm| {
            let report = report_of(vm, "bug interrupt-panic")?;
            has_all(&report, &["in the handler of an interrupt", "tally_interrupt", "run_shell"])
        }),
    },
    Scenario {
        name: "panic-full",
        about: "a panic when no page is free is fully reported",
        judge: Judge::Drive(
            Machine { memory_mib: 32, cmdline: "memstat=full tmpfs.size=100%", ..DEFAULT },
            reported_without_free_pages,
        ),
    },
];

fn report_is_whole(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("bug leak")?;
    let before = vm.still_screen()?;
    vm.enter("bug panic")?;
    let report = stopped_report(vm)?;
    has_all(&report, &["rip ", "rsp ", "r15 ", "memory: ", " free, heap ", "memstat=full guard=off"])?;
    let title = report.lines().find(|line| line.starts_with(&panic_place()));
    ensure!(title.is_some_and(|line| line.ends_with(MESSAGE)), "no place and message in a line:\n{report}");
    let named = |name: &str, file: &Source| {
        report.lines().any(|line| line.contains(name) && line.contains(&format!(" {}", file.place())))
    };
    ensure!(named("run_command+0x", &EXECUTE), "the shell's function has no line:\n{report}");
    ensure!(named("tally_main+0x", &KERNEL), "the outermost function has no line:\n{report}");
    ensure!(report.contains(" (inlined)\n"), "no inlined function is named:\n{report}");

    has_all(&report, &["\naddresses in registers:\n", "rsp: in the main stack, "])?;

    let (_, events) = report.split_once("\nlast 10 of ").unwrap_or_default();
    let rows: Vec<&str> = events.lines().skip(1).take_while(|line| line.starts_with("  ")).collect();
    ensure!(rows.len() == 10, "{} events, not 10:\n{report}", rows.len());
    let is_event = |row: &&str| row.contains(" 0xffff8") && row.contains(" bytes");
    ensure!(rows.iter().all(is_event), "an event has no address or size:\n{report}");
    let is_named = rows.iter().any(|row| row.contains("+0x") && row.contains(".rs:"));
    ensure!(is_named, "no event names who asked:\n{report}");
    // The typed line alone changes one row of characters or two.
    vm.wait_for_screen("report on the screen", COMMAND_LIMIT, |vm| {
        Ok(changed_rows(&before, &vm.screen()?) > MIN_CHANGED_ROWS)
    })
}

/// Rows of pixels in which two PPM pictures of one size differ.
fn changed_rows(before: &[u8], after: &[u8]) -> usize {
    // "P6", width and height, the largest value, and a byte for each of three colours.
    let width = before.split(u8::is_ascii_whitespace).nth(1);
    let width = width.and_then(|digits| str::from_utf8(digits).ok()?.parse::<usize>().ok()).unwrap_or(1);
    let rows = |picture: &[u8]| -> Vec<Vec<u8>> { picture.rchunks(3 * width).map(<[u8]>::to_vec).collect() };
    rows(before).iter().zip(&rows(after)).filter(|(before, after)| before != after).count()
}

fn last_frees_are_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("bug double-free; bug stale-free")?;
    vm.enter("bug panic")?;
    let output = vm.wait_for_prompt("shell prompt after a panic", Duration::from_mins(1))?;
    let kept = vm.run("cat /proc/last_boot")?;
    for (text, title) in [
        (&output, "\nlast events: 3, frees only; memstat=full keeps all:\n"),
        (&kept, "\nevents: 3, frees only; memstat=full keeps all\n"),
    ] {
        let (_, rows) = text
            .split_once(title)
            .ok_or_else(|| Error::Wrong(format!("there is no `{}` in:\n{text}", title.trim())))?;
        let mut rows = rows.lines();
        for [size, name] in FREES {
            let row = rows.next().unwrap_or_default();
            let is_right = row.starts_with("  - ") && row.contains(" free 0xffff8");
            ensure!(is_right && row.contains(size) && row.contains(name), "no {size} by {name} in `{row}`");
        }
    }
    power_off(vm)
}

/// What stops the kernel, and what a screen of 25 lines then says at its end.
struct Stop {
    command: &'static str,
    words: &'static [&'static str],
    function: &'static str,
    source: Source,
    /// What stands on the line that is named.
    code: &'static str,
}

const STOPS: [Stop; 4] = [
    Stop {
        command: "bug panic",
        words: &["panic at kernel/src/bugs/mod.rs:", MESSAGE],
        function: "in {closure#0}",
        source: BUG,
        code: "panic!",
    },
    Stop {
        command: "bug null",
        words: &[
            "exception 14: page fault",
            "could not read 0x00000000000000",
            " (null pointer): nothing is mapped there",
        ],
        function: "in tally::bugs::adapter::read_adapter_that_was_never_found",
        source: ADAPTER,
        code: "adapter.read_volatile()",
    },
    Stop {
        command: "bug stack-overflow",
        words: &["exception 8: double fault", "kernel stack overflow: 0xffffffff8"],
        function: "in tally::bugs::parser::parse_list_without_a_limit",
        source: PARSER,
        code: "parse_list_without_a_limit",
    },
    Stop {
        command: "bug lock-twice",
        words: &["panic at kernel/src/bugs/mailbox.rs:", "deadlock: this CPU itself has held the lock since"],
        function: "in tally::bugs::mailbox::post",
        source: MAILBOX,
        code: "LETTERS.lock()",
    },
];

fn text_screen_ends_with_the_cause(vm: &mut Vm) -> Result<()> {
    for (number, stop) in STOPS.iter().enumerate() {
        if number > 0 {
            vm.reset()?;
        }
        super::devices::boot_in_text_mode(vm)?;
        vm.enter(stop.command)?;
        stopped_report(vm)?;
        // Each piece of text goes to the serial port before it goes to the screen.
        vm.wait_for_screen("report that ends on the screen", COMMAND_LIMIT, |vm| {
            Ok(vm.screen_text()?.trim_end().ends_with(STOPPED))
        })?;
        let screen = vm.screen_lines()?;
        has_all(&screen, stop.words)?;
        // The last time that the function is named is below the call stack.
        let at = screen.rfind(stop.function);
        let at = at.ok_or_else(|| Error::Wrong(format!("no `{}` in:\n{screen}", stop.function)))?;
        stop.source.expect(screen.get(at..).unwrap_or_default(), stop.function, stop.code)?;
    }
    Ok(())
}

fn ends_with_status(vm: &mut Vm, line: &str, words: &str) -> Result<()> {
    vm.wait_for_boot()?;
    vm.enter(line)?;
    let status = vm.wait_for_end(COMMAND_LIMIT)?;
    ensure!(status.code() == Some(PANIC_STATUS), "QEMU ended with {status}, not status {PANIC_STATUS}");
    has_all(&vm.text_after(Duration::ZERO), &[words, "memory: "])
}

fn stops_without_device(vm: &mut Vm) -> Result<()> {
    report_of(vm, "bug panic")?;
    ensure!(vm.end()?.is_none(), "the machine went off or was reset instead of stopping");
    Ok(())
}

fn machine_comes_back(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.enter("bug panic")?;
    let text = vm.wait_for_prompt("shell prompt after a panic", Duration::from_mins(1))?;
    // A machine that resets itself by a triple fault comes back as well.
    has_all(&text, &[MESSAGE, "\nrestarting in 5 s\n"])?;
    ensure!(vm.run("echo back")? == "back", "the shell does not answer after the restart");
    power_off(vm)
}

fn machine_goes_off(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.enter("bug panic")?;
    let status = vm.wait_for_end(COMMAND_LIMIT)?;
    ensure!(status.success(), "QEMU ended with {status}");
    // A triple fault ends QEMU as well.
    has_all(&vm.text_after(Duration::ZERO), &[MESSAGE, "\npowering off\n"])
}

fn second_panic_halts(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.enter("bug double-panic")?;
    let report = stopped_report(vm)?;
    has_all(&report, &[" while reporting\n"])?;
    let panics = report.matches(&panic_place()).count();
    ensure!(panics == 2, "{panics} panics are reported, not two:\n{report}");
    let after = vm.text_after(Duration::from_secs(7));
    ensure!(after == report, "the kernel continues after its last words: {after}");
    ensure!(vm.end()?.is_none(), "the machine went off or was reset instead of stopping");
    Ok(())
}

fn reported_without_free_pages(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("cp /dev/zero /tmp/zeros")?;
    vm.enter("bug panic")?;
    let report = stopped_report(vm)?;
    has_all(&report, &[MESSAGE, "run_command+0x", &EXECUTE.place(), ", files "])?;
    let free = report.split_once("memory: ").and_then(|(_, rest)| rest.split(' ').nth(2));
    let free_kib = free.and_then(|word| word.parse::<u64>().ok());
    ensure!(free_kib.is_some_and(|kib| kib < 64), "the memory is not full: {free_kib:?} kB are free");
    Ok(())
}

/// How the title of `bug panic` begins.
fn panic_place() -> String {
    format!("panic at {}", BUG.place())
}

/// Boots, types the line, and reads the report to its last line.
fn report_of(vm: &mut Vm, line: &str) -> Result<String> {
    vm.wait_for_boot()?;
    vm.enter(line)?;
    stopped_report(vm)
}
