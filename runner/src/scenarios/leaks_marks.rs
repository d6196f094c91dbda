//! Leaks by marks: a driver that leaks memory is named with function, file and line, and with exactly what it leaked.

use super::sources::PACKETS;
use super::with_words;
use crate::error::{Result, ensure};
use crate::figures::{Allocs, MemInfo};
use crate::machine::{DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::text;
use crate::vm::{COMMAND_LIMIT, Vm};

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words("leaks-since", "what leaked since a mark is named and counted", "", leak_is_named),
    with_words(
        "leaks-since-full",
        "the same at full with guards, on tlsf",
        "memstat=full guard=full heap=tlsf",
        leak_is_named,
    ),
    with_words("leaks-hundred", "each of a hundred and two leaks is counted", "", hundred_are_counted),
    with_words("leaks-levels", "what is not known of call stacks is said in words", "", levels_are_reported),
    with_words("leaks-watch", "a watch points at the stack that only grows", "", watch_points_at_the_leak),
    with_words("leaks-errors", "each mistake is reported in one line", "", mistakes_are_reported),
    Scenario {
        name: "leaks-full-memory",
        about: "with no page free reports still work, and a mark is refused",
        judge: Judge::Drive(
            Machine { memory_mib: 48, cmdline: "tmpfs.size=100%", ..DEFAULT },
            full_memory_is_survived,
        ),
    },
];

/// What `bug leak` leaks each time: see the kernel's `packets.rs`.
const LEAK: (u64, u64) = (276, 3);

/// Whether `report` has a row that starts with `row`, for the leak of `bug leak`, with its places in the source.
fn expect_leak(report: &str, row: &str) -> Result<()> {
    let mut lines = report.lines().skip_while(|line| !line.starts_with(row));
    ensure!(lines.next().is_some_and(|line| line.contains(": stack ")), "no row `{row}` in:\n{report}");
    let module = PACKETS.module();
    for frame in [format!("    <{module}::Loopback>::send+0x"), format!("    {module}::exchange+0x")] {
        let line = lines.next().unwrap_or_default();
        let is_named = line.starts_with(&frame) && line.contains(&format!(" {}", PACKETS.place()));
        ensure!(is_named, "not `{frame}` of packets.rs, but `{line}` in:\n{report}");
    }
    Ok(())
}

/// Whether a line of `report` is exactly this.
fn expect_line(report: &str, line: &str) -> Result<()> {
    ensure!(report.lines().any(|found| found.trim_end() == line), "no line `{line}` in:\n{report}");
    Ok(())
}

/// All lines except frames fit the width of a terminal.
fn fits_a_terminal(report: &str) -> Result<()> {
    let long = report.lines().find(|line| line.chars().count() > 80 && !line.starts_with("    "));
    ensure!(long.is_none(), "wider than 80 columns: {long:?}");
    Ok(())
}

fn heap(vm: &mut Vm) -> Result<String> {
    vm.run("memstat summary")
}

fn leak_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let before = heap(vm)?;
    let set = vm.run("leaks mark a")?;
    ensure!(set.starts_with("mark a: "), "`leaks mark a` says {set}");
    ensure!(heap(vm)? == before, "a mark changes the heap's figures");
    let nothing = vm.run("leaks since a")?;
    expect_line(&nothing, "total: +0 bytes, +0 blocks")?;
    ensure!(!nothing.contains("stack"), "nothing leaked, but:\n{nothing}");

    vm.run("bug leak")?;
    let before = (heap(vm)?, vm.run("cat /proc/allocs")?, MemInfo::parse(&vm.read_file("/proc/meminfo")?)?);
    let report = vm.run("leaks since a")?;
    fits_a_terminal(&report)?;
    expect_leak(&report, "+276 bytes, +3 blocks (3 new): stack ")?;
    for line in [
        "total: +276 bytes, +3 blocks",
        "grew: 1 stack, +276 bytes, +3 blocks",
        "new: 3 blocks, 276 bytes, came and are live",
    ] {
        expect_line(&report, line)?;
    }
    let newest = vm.run("leaks since")?;
    ensure!(newest.starts_with("since a, set "), "the newest mark is not the one set last:\n{newest}");
    let after = (heap(vm)?, vm.run("cat /proc/allocs")?, MemInfo::parse(&vm.read_file("/proc/meminfo")?)?);
    ensure!(
        before.0 == after.0 && before.1 == after.1,
        "a report changes the heap:\n{}{}",
        before.0,
        after.0
    );
    for field in ["MemFree", "FileBuffers", "MemstatArena"] {
        ensure!(before.2.kibibytes(field)? == after.2.kibibytes(field)?, "a report changes {field}");
    }
    same_frames(vm, &report)?;

    vm.run("leaks mark b; bug leak; bug leak; leaks mark c")?;
    expect_leak(&vm.run("leaks diff a b")?, "+276 bytes, +3 blocks: stack ")?;
    expect_leak(&vm.run("leaks diff b c")?, "+552 bytes, +6 blocks: stack ")?;
    expect_leak(&vm.run("leaks since boot")?, "+828 bytes, +9 blocks (9 new): stack ")?;
    let turned = vm.run("leaks diff c b")?;
    expect_line(&turned, "(b was set before c, so it stands first)")?;
    expect_leak(&turned, "+552 bytes, +6 blocks: stack ")
}

/// The frames of a report are those of `/proc/allocs_by_stack`.
fn same_frames(vm: &mut Vm, report: &str) -> Result<()> {
    let number = report.lines().find_map(|line| line.split_once(": stack ")).map(|(_, number)| number);
    let number = number.unwrap_or_default().trim_end();
    let frames = |text: &str, start: &str| -> Vec<String> {
        let behind = text.lines().skip_while(|line| !line.contains(start)).skip(1);
        behind.take_while(|line| line.starts_with("    ")).map(|line| line.trim_end().to_owned()).collect()
    };
    let all = vm.run("cat /proc/allocs_by_stack")?;
    let (shown, expected) = (frames(report, ": stack "), frames(&all, &format!("stack {number}: ")));
    ensure!(shown.len() > 2 && shown == expected, "frames differ:\n{shown:#?}\n{expected:#?}");
    Ok(())
}

fn hundred_are_counted(vm: &mut Vm) -> Result<()> {
    const TIMES: u64 = 34;
    vm.wait_for_boot()?;
    vm.run("leaks mark")?;
    for _ in 0..TIMES {
        vm.run("bug leak")?;
    }
    let (bytes, blocks) = (TIMES * LEAK.0, TIMES * LEAK.1);
    let report = vm.run("leaks since default")?;
    expect_leak(&report, &format!("+{bytes} bytes, +{blocks} blocks ({blocks} new): stack "))?;
    expect_line(&report, &format!("total: +{bytes} bytes, +{blocks} blocks"))?;
    let allocs = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let rows = allocs.rows.iter().filter(|row| row.contains("Loopback>::send")).count() as u64;
    ensure!(rows == blocks, "allocs has {rows} blocks of the driver, {blocks} leaked");
    Ok(())
}

fn levels_are_reported(vm: &mut Vm) -> Result<()> {
    const BELOW: &str = "without a call stack: +276 bytes, +3 blocks (3 new), the level was below stacks";
    const UNRECORDED: &str = "not recorded at all: +3 blocks, the level was below blocks";
    vm.wait_for_boot()?;
    vm.run("leaks mark a; memstat level blocks; bug leak")?;
    let report = vm.run("leaks since a")?;
    expect_line(&report, "total: +276 bytes, +3 blocks")?;
    expect_line(&report, BELOW)?;
    expect_line(&report, "level is blocks: new blocks have no call stack; type memstat level stacks")?;
    vm.run("memstat level counters; bug leak")?;
    let report = vm.run("leaks since a")?;
    expect_line(&report, BELOW)?;
    expect_line(&report, UNRECORDED)?;
    expect_line(&report, "level is counters: new blocks are not recorded; type memstat level stacks")?;
    let set = vm.run("leaks mark low")?;
    expect_line(&set, "    and not recorded: 3 blocks")?;
    expect_line(&set, "level is counters: no blocks are recorded; type memstat level stacks")?;
    for (bug, hint) in [
        ("bug double-free", "who allocated it was not recorded; set memstat=stacks"),
        ("bug oom", "which call stacks use it is not recorded; set memstat=stacks"),
    ] {
        let answer = vm.run(bug)?;
        ensure!(answer.contains(hint), "`{bug}` does not say `{hint}`:\n{answer}");
    }
    vm.run("memstat level stacks; bug leak")?;
    let report = vm.run("leaks since a")?;
    fits_a_terminal(&report)?;
    expect_leak(&report, "+276 bytes, +3 blocks (3 new): stack ")?;
    for line in [BELOW, UNRECORDED, "total: +552 bytes, +6 blocks"] {
        expect_line(&report, line)?;
    }
    ensure!(!report.contains("level is "), "the level is high enough, but:\n{report}");
    let report = vm.run("leaks since low")?;
    expect_line(&report, "total: +276 bytes, +3 blocks")
}

fn watch_points_at_the_leak(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let before = heap(vm)?;
    let report = vm.run("leaks watch -n 1 -c 2")?;
    ensure!(report.contains("after 2 looks: 0 of "), "an idle kernel leaks:\n{report}");
    ensure!(heap(vm)? == before, "a watch changes the heap's figures");

    let report = vm.run("leaks watch -n 1 -c 3 bug leak")?;
    fits_a_terminal(&report)?;
    for look in 1..=3 {
        expect_line(&report, &format!("look {look}: +276 bytes, +3 blocks"))?;
    }
    let pointed = report.lines().filter(|line| line.contains(" only grows: +552 bytes, +6 blocks")).count();
    ensure!(pointed == 1, "not pointed at once, at the second growth:\n{report}");
    ensure!(report.contains("after 3 looks: 1 of "), "not one stack only grew:\n{report}");
    expect_leak(&report, "+828 bytes, +9 blocks at 3 looks: stack ")?;

    // The watched command may redirect its output: the output of the watch does not get in there.
    let report = vm.run("leaks watch -c 1 fail nth 1 'echo a b | wc' | cat")?;
    ensure!(report.starts_with("watching "), "the watch's own lines are lost:\n{report}");
    expect_line(&report, "      1       2       4")?;

    // Without a count a key ends it, and is not typed at the prompt.
    vm.enter("leaks watch -n 600")?;
    vm.expect("`any key ends it`", COMMAND_LIMIT, |text| text.contains("any key ends it").then_some(()))?;
    vm.type_bytes(b"q")?;
    vm.expect("the watch's end and a prompt", COMMAND_LIMIT, |text| {
        (text.contains("after 0 looks: 0 of ") && text::prompt_folder(text).is_some()).then_some(())
    })?;
    let answer = vm.run("echo next")?;
    ensure!(answer.trim() == "next", "after the watch, `echo next` says {answer}");
    // With one, input waits for the prompt; Ctrl-C ends it.
    vm.enter("leaks watch -n 1 -c 2")?;
    vm.expect("`Ctrl-C ends it`", COMMAND_LIMIT, |text| text.contains("Ctrl-C ends it").then_some(()))?;
    vm.type_bytes(b"echo ahead\r")?;
    vm.expect("two looks, and the line typed ahead", COMMAND_LIMIT, |text| {
        let (_, rest) = text.split_once("after 2 looks: 0 of ")?;
        (rest.contains("\nahead\n") && text::prompt_folder(rest).is_some()).then_some(())
    })?;
    vm.enter("leaks watch -n 600 -c 1")?;
    vm.expect("`Ctrl-C ends it`", COMMAND_LIMIT, |text| text.contains("Ctrl-C ends it").then_some(()))?;
    vm.type_bytes(b"\x03")?;
    vm.expect("the watch's end", COMMAND_LIMIT, |text| text.contains("after 0 looks: 0 of ").then_some(()))?;
    Ok(())
}

fn mistakes_are_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for (line, answer) in [
        ("leaks since nothing", "leaks: nothing: no such mark; there are: boot"),
        ("leaks diff boot x", "leaks: x: no such mark; there are: boot"),
        ("leaks clear x", "leaks: x: no such mark; there are: boot"),
        ("leaks clear", "leaks: default: no such mark; there are: boot"),
        ("leaks frob", "leaks: frob: no such subcommand; try leaks --help"),
        ("leaks sicne", "leaks: sicne: no such subcommand; did you mean since?"),
        ("leaks mark 17", "leaks: invalid mark name '17'; expected "),
        ("leaks mark a b", "usage: leaks mark [NAME]"),
        ("leaks since -n x", "usage: leaks since [-a] [-n STACKS] [NAME]"),
        ("leaks diff boot", "usage: leaks diff [-n STACKS] NAME NAME"),
        ("leaks marks x", "usage: leaks marks"),
        ("leaks watch -n 0", "usage: leaks watch "),
        ("leaks watch -n", "usage: leaks watch "),
        ("leaks watch -c 99999999999999999999", "usage: leaks watch "),
        ("leaks watch nothing", "leaks: nothing: no such command to watch"),
        ("leaks watch leaks watch", "leaks: a watch cannot be watched"),
        ("leaks clear boot; leaks since", "leaks: default: no such mark; there are: none"),
    ] {
        let output = vm.run(line)?;
        ensure!(output.starts_with(answer) && output.lines().count() == 1, "`{line}` says {output}");
    }
    for number in 0..16 {
        let output = vm.run(&format!("leaks mark m{number}"))?;
        ensure!(output.starts_with(&format!("mark m{number}: ")), "the mark {number} is refused: {output}");
    }
    let output = vm.run("leaks mark m16")?;
    ensure!(output.trim() == "leaks: too many marks: 16 are set; clear one first", "the 17th mark: {output}");
    ensure!(vm.run("leaks mark m3")?.starts_with("mark m3: "), "a mark does not move when all are set");
    let pages = |vm: &mut Vm| MemInfo::parse(&vm.read_file("/proc/meminfo")?)?.kibibytes("FileBuffers");
    let list = vm.run("leaks marks")?;
    expect_line(&list, "16 of 16 marks, in 64 KiB apart from the heap")?;
    ensure!(
        list.lines().nth(15).is_some_and(|line| line.starts_with("m3: ")),
        "m3 is not the newest: {list}"
    );
    let before = pages(vm)?;
    for number in 0..16 {
        vm.run(&format!("leaks clear m{number}"))?;
    }
    let after = pages(vm)?;
    ensure!(before == after + 64, "FileBuffers was {before} kB with the marks and is {after} without");
    Ok(())
}

fn full_memory_is_survived(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("leaks mark a; bug leak")?;
    vm.run("cat /dev/zero > /tmp/all")?;
    let free = MemInfo::parse(&vm.read_file("/proc/meminfo")?)?.kibibytes("MemFree")?;
    ensure!(free == 0, "{free} kB are free, none should be");
    let before = heap(vm)?;
    let report = vm.run("leaks since a")?;
    expect_line(&report, "(out of memory: new blocks are not distinguished from old ones)")?;
    expect_leak(&report, "+276 bytes, +3 blocks: stack ")?;
    expect_leak(&vm.run("leaks since boot")?, "+276 bytes, +3 blocks: stack ")?;
    for line in ["leaks mark b", "leaks mark a", "leaks watch -c 1"] {
        let output = vm.run(line)?;
        ensure!(output.trim() == "leaks: out of memory", "with no page free, `{line}` says {output}");
    }
    let list = vm.run("leaks marks")?;
    expect_line(&list, "2 of 16 marks, in 8 KiB apart from the heap")?;
    ensure!(heap(vm)? == before, "the reports change the heap's figures");
    vm.run("rm /tmp/all")?;
    ensure!(vm.run("leaks mark b")?.starts_with("mark b: "), "a mark is refused though pages are free again");
    expect_leak(&vm.run("leaks diff a b")?, "+276 bytes, +3 blocks: stack ")
}
