//! Sampled blocks between guard pages: the instruction that accesses memory past one, or after its free, is named with
//! all call stacks, and the kernel continues.

use super::guards::{expect_count, expect_report};
use super::selftest::skippable::SLABS;
use super::selftest::{judge_selftests, run_selftests};
use super::sources::DRIVERS;
use super::{is_consistent, with_words};
use crate::error::{Result, ensure};
use crate::figures::MemInfo;
use crate::machine::{DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words("sample-overrun", "a write and a read behind a block are caught", "guard.sample=1", overruns),
    with_words(
        "sample-overrun-talc",
        "the same on talc at full",
        "guard.sample=1 guard=full heap=talc",
        overruns,
    ),
    with_words("sample-underrun", "a read before a block is caught", "guard.sample=1", underrun),
    with_words("sample-use-after-free", "a late write and a late read are caught", "guard.sample=1", late),
    with_words(
        "sample-bad-free",
        "bad frees of sampled blocks are reported as others",
        "guard.sample=1",
        bad_frees,
    ),
    with_words("sample-small-pool", "a full pool costs samples, nothing else", "guard.pages=4", small_pool),
    with_words("sample-switch", "sampling goes off and on while sampled blocks are live", "", switch),
    with_words("sample-file", "/proc/guard takes commands, and refuses nonsense", "", commands),
    Scenario {
        name: "sample-selftest-32M",
        about: "the self-tests pass on a small machine where every block is sampled",
        judge: Judge::Drive(
            Machine { cmdline: "guard.sample=1 guard=full memstat=full", memory_mib: 32, ..DEFAULT },
            |vm| selftests_pass(vm, &[]),
        ),
    },
    Scenario {
        name: "sample-selftest-tlsf",
        about: "the same on tlsf with a sample of three",
        judge: Judge::Drive(Machine { cmdline: "guard.sample=3 guard=redzone heap=tlsf", ..DEFAULT }, |vm| {
            selftests_pass(vm, &[SLABS])
        }),
    },
];

/// The command logs all of this, once, and all figures are consistent. The next block is at a page's end.
fn is_caught(vm: &mut Vm, command: &str, words: &[&str]) -> Result<()> {
    vm.run("guard sample 1")?;
    expect_report(vm, command, words)?;
    is_consistent(vm)
}

fn overruns(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let words = [
        "overrun: a write 0 bytes past the end",
        "of 23 bytes, in:",
        "copy_name_with_one_byte_too_many",
        DRIVERS.path,
        "allocated with 23 bytes",
        "name_device",
    ];
    is_caught(vm, "bug overrun", &words)?;
    let words = [
        "overrun: a read 0 bytes past the end",
        "of 64 bytes, in:",
        "add_up_as_many_bytes_as_it_says",
        DRIVERS.path,
        "allocated with 64 bytes",
        "believe_a_length",
    ];
    is_caught(vm, "bug overread", &words)?;
    expect_count(vm, "out of bounds accesses: 2")
}

fn underrun(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    // The first one is at a page's end, with room before it; the second at a page's start.
    vm.run("guard sample 1; bug underread")?;
    let words = [
        "underrun: a read 1 byte before the block",
        "of 40 bytes, in:",
        "go_back_over_blanks_beyond_the_start",
        DRIVERS.path,
        "allocated with 40 bytes",
        "trim_blanks",
    ];
    expect_report(vm, "bug underread", &words)?;
    is_consistent(vm)?;
    expect_count(vm, "out of bounds accesses: 1")
}

fn late(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let words = [
        "use after free: a write at offset 40",
        "of 96 bytes, in:",
        "complete_request_that_has_ended",
        DRIVERS.path,
        "allocated with 96 bytes",
        "answer_late",
        "  freed, at ",
        "end_request_by_timeout",
    ];
    is_caught(vm, "bug use-after-free", &words)?;
    let words = [
        "use after free: a read at offset 41",
        "of 96 bytes, in:",
        "look_at_request_that_has_ended",
        DRIVERS.path,
        "allocated with 96 bytes",
        "look_late",
        "  freed, at ",
        "end_request_by_timeout",
    ];
    is_caught(vm, "bug read-after-free", &words)?;
    expect_count(vm, "accesses after free: 2")
}

fn bad_frees(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let words = [
        "double free of 0xffffd",
        "remove_device_that_never_started",
        "allocated with 64 bytes",
        "freed first",
        "clean_up_after_failed_start",
    ];
    is_caught(vm, "bug double-free", &words)?;
    let words = ["17 bytes inside the live block 0xffffd", "free_text_where_parsing_ended", "parse_text"];
    is_caught(vm, "bug invalid-free", &words)
}

fn small_pool(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    expect_count(vm, "sample slots: 0")?;
    vm.run("guard sample 1; bench bulk 1000")?;
    expect_count(vm, "sample slots: 4")?;
    let missed = count(vm, "missed samples")?;
    ensure!(missed >= 996, "with 4 slots for 1000 blocks only {missed} were missed");
    ensure!(count(vm, "samples")? >= 4, "nothing was sampled");
    expect_count(vm, "sampled blocks: 0")?;
    is_consistent(vm)
}

/// Leaked blocks stay sampled through every switch.
fn switch(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let guard_pages = |vm: &mut Vm| MemInfo::parse(&vm.read_file("/proc/meminfo")?)?.kibibytes("GuardPages");
    ensure!(guard_pages(vm)? == 0, "guard pages have memory before there are any");
    vm.run("guard sample 2; bug leak")?;
    let live = count(vm, "sampled blocks")?;
    ensure!(live > 0, "no block that leaked is sampled");
    for (command, level) in [
        ("guard sample 0", "stacks"),
        ("echo level off > /proc/memstat_control", "off"),
        ("bench pair", "off"),
        ("guard full", "off"),
        ("echo level full > /proc/memstat_control", "full"),
        ("guard sample 3; bench pair", "full"),
        ("guard off", "full"),
        ("echo level blocks > /proc/memstat_control", "blocks"),
        ("guard sample 0", "blocks"),
    ] {
        vm.run(command)?;
        ensure!(count(vm, "sampled blocks")? == live, "after `{command}` other blocks are sampled");
        let file = vm.run("cat /proc/memstat")?;
        ensure!(file.contains(&format!("level {level}")), "after `{command}`: {file}");
        is_consistent(vm)?;
    }
    judge_selftests(&run_selftests(vm)?, &[])?;
    // A page for each, and the spare one.
    let kib = guard_pages(vm)?;
    ensure!(kib == (live + 1) * 4, "{live} sampled blocks take {kib} kB");
    Ok(())
}

fn commands(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("echo sample 10 > /proc/guard; echo level redzone > /proc/guard")?;
    expect_count(vm, "sample: 10")?;
    expect_count(vm, "level: redzone")?;
    for nonsense in ["sample", "sample -1", "sample 10 10", "level loud", "full"] {
        let answer = vm.run(&format!("echo {nonsense} > /proc/guard"))?;
        ensure!(answer.contains("invalid argument"), "`{nonsense}` is taken: {answer}");
    }
    let answer = vm.run("guard sample many")?;
    ensure!(answer.contains("not a number"), "`guard sample many` says {answer}");
    ensure!(vm.run("guard sample")?.trim() == "10", "nonsense changed the interval");
    vm.run("guard sample 0")?;
    expect_count(vm, "sample slots: 0")
}

fn selftests_pass(vm: &mut Vm, skipped: &[&str]) -> Result<()> {
    const RUNS: u64 = 2;
    vm.wait_for_boot()?;
    for _ in 0..RUNS {
        judge_selftests(&run_selftests(vm)?, skipped)?;
        is_consistent(vm)?;
    }
    ensure!(count(vm, "samples")? > 0, "nothing was sampled");
    // The self-test of guard pages has two of each, and is not skipped.
    expect_count(vm, "out of bounds accesses: 4")?;
    expect_count(vm, "accesses after free: 4")?;
    // And one that the tracker cannot be asked about, if there is a slot for it.
    let unexplained = count(vm, "unexplained accesses")?;
    ensure!(unexplained <= RUNS, "{unexplained} accesses are not explained");
    Ok(())
}

/// A number of `/proc/guard`.
fn count(vm: &mut Vm, name: &str) -> Result<u64> {
    let file = vm.run("cat /proc/guard")?;
    let found = file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok());
    ensure!(found.is_some(), "/proc/guard has no `{name}`:\n{file}");
    Ok(found.unwrap_or_default())
}
