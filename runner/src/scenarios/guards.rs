//! Real mistakes in small drivers: the heap's guards name the function that made each, with all call stacks, and the
//! kernel continues unharmed.

use super::selftest::skippable::{SLABS, STACKS};
use super::selftest::{judge_selftests, run_selftests};
use super::with_words;
use crate::error::{Result, ensure};
use crate::figures::Allocs;
use crate::scenario::Scenario;
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words("guard-overrun", "one byte too many is found at the free", "guard=redzone", overrun_is_found),
    with_words("guard-overrun-tlsf", "the same on tlsf at full", "guard=full heap=tlsf", overrun_is_found),
    with_words("guard-use-after-free", "a late write is found by a look", "guard=full", late_write_is_found),
    with_words(
        "guard-use-after-free-buddy",
        "the same on buddy",
        "guard=full heap=buddy",
        late_write_is_found,
    ),
    with_words(
        "guard-double-free",
        "both frees and the allocation are named",
        "guard=free",
        double_free_is_reported,
    ),
    with_words(
        "guard-double-free-talc",
        "the same on talc at full",
        "guard=full heap=talc",
        double_free_is_reported,
    ),
    with_words(
        "guard-double-free-off",
        "without guards the history names the allocation",
        "memstat=full",
        |vm| {
            vm.wait_for_boot()?;
            expect_report(
                vm,
                "bug double-free",
                &[
                    "double free of",
                    "this free:",
                    "remove_device_that_never_started",
                    "allocated with 64 bytes",
                ],
            )
        },
    ),
    with_words(
        "guard-invalid-free",
        "a pointer into a block is named with its block",
        "",
        invalid_free_is_reported,
    ),
    with_words(
        "guard-invalid-free-list",
        "the same on linked-list at full",
        "guard=full heap=linked-list",
        invalid_free_is_reported,
    ),
    with_words("guard-switch", "a switch of the level leaves no false report", "guard=full", switch_is_clean),
    with_words("guard-selftest", "the self-tests pass under all guards", "guard=full memstat=full", |vm| {
        selftests_pass(vm, &[])
    }),
    with_words(
        "guard-selftest-tlsf",
        "the same on tlsf with red zones",
        "guard=redzone memstat=blocks heap=tlsf",
        |vm| selftests_pass(vm, &[SLABS, STACKS]),
    ),
];

fn overrun_is_found(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let words = [
        "overrun: a write 0 bytes past the end",
        "of 23 bytes; expected cc, found 00 cc",
        "allocated with 23 bytes",
        "name_device",
        "found by:",
    ];
    expect_report(vm, "bug overrun", &words)?;
    expect_count(vm, "overruns: 1")
}

fn late_write_is_found(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let words = [
        "write after free: at offset 40",
        "of 96 bytes; expected 6b, found 01 6b",
        "allocated with 96 bytes",
        "answer_late",
        "  freed, ",
        "end_request_by_timeout",
        "found by:",
    ];
    expect_report(vm, "bug use-after-free; guard check", &words)?;
    expect_count(vm, "writes after free: 1")
}

fn double_free_is_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let words = [
        "double free of",
        "this free:",
        "remove_device_that_never_started",
        "allocated with 64 bytes",
        "fail_to_start",
        "freed first",
        "clean_up_after_failed_start",
    ];
    expect_report(vm, "bug double-free", &words)?;
    expect_count(vm, "double frees: 1")
}

fn invalid_free_is_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let words = [
        "17 bytes inside the live block",
        "this free:",
        "free_text_where_parsing_ended",
        "allocated with 80 bytes",
        "parse_text",
    ];
    expect_report(vm, "bug invalid-free", &words)?;
    expect_count(vm, "interior frees: 1")
}

/// Blocks allocated at one level are freed at another.
fn switch_is_clean(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for level in ["off", "full", "redzone", "free", "full", "off"] {
        let answer = vm.run(&format!("guard {level}; guard"))?;
        ensure!(answer.trim() == level, "`guard {level}; guard` says {answer}");
        let answer = vm.run("bench pair; guard check")?;
        ensure!(answer.contains(" 0 found"), "a false report at {level}: {answer}");
    }
    judge_statistics(vm)?;
    let answer = vm.run("guard loud")?;
    ensure!(answer.contains("unknown level"), "`guard loud` says {answer}");
    let answer = vm.run("guard stats | head -n 1; guard loud > /tmp/x || cat /tmp/x")?;
    let wanted = "level: off\nguard: unknown level 'loud'; expected off, free, redzone or full";
    ensure!(answer.trim() == wanted, "not `{wanted}` but `{answer}`");
    Ok(())
}

fn selftests_pass(vm: &mut Vm, skipped: &[&str]) -> Result<()> {
    vm.wait_for_boot()?;
    for _ in 0..2 {
        judge_selftests(&run_selftests(vm)?, skipped)?;
    }
    judge_statistics(vm)
}

/// `/proc/guard` and the command say the same, and nothing is in quarantine without poison.
fn judge_statistics(vm: &mut Vm) -> Result<()> {
    let (file, command) = (vm.run("cat /proc/guard")?, vm.run("guard stats")?);
    ensure!(file == command, "/proc/guard and `guard stats` differ:\n{file}\n{command}");
    ensure!(file.starts_with("level: "), "/proc/guard begins otherwise: {file}");
    Ok(())
}

/// Runs a command, whose report must contain all of `words`, the first of them once. The live blocks must be unchanged.
pub(super) fn expect_report(vm: &mut Vm, line: &str, words: &[&str]) -> Result<()> {
    let before = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let answer = vm.run(line)?;
    for word in words {
        ensure!(answer.contains(word), "`{line}` does not log `{word}`: {answer}");
    }
    let title = words.first().copied().unwrap_or_default();
    ensure!(answer.matches(title).count() == 1, "`{line}` does not log `{title}` once: {answer}");
    let after = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    ensure!(before == after, "live blocks differ after `{line}`:\n{before:?}\n{after:?}");
    let again = vm.run("guard check")?;
    ensure!(again.contains(" 0 found"), "what was reported is reported again: {again}");
    Ok(())
}

/// A line of `/proc/guard`.
pub(super) fn expect_count(vm: &mut Vm, line: &str) -> Result<()> {
    let file = vm.run("cat /proc/guard")?;
    ensure!(file.lines().any(|found| found == line), "/proc/guard has no line `{line}`:\n{file}");
    Ok(())
}
