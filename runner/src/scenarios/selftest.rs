//! The kernel's self-tests, run inside it by `selftest`.

use std::time::Duration;

use super::power_off;
use crate::error::{Error, Result, ensure};
use crate::figures::Allocs;
use crate::machine::{DEFAULT, Machine, OnReset};
use crate::scenario::{Judge, Scenario};
use crate::vm::{COMMAND_LIMIT, Vm};

/// The heaps besides the default.
const HEAPS: [&str; 4] = ["buddy", "talc", "tlsf", "linked-list"];

/// Self-tests that a machine may give nothing to test.
pub(super) mod skippable {
    pub(in super::super) const GUARDS: &str = "guards_find_what_is_planted_and_nothing_else";
    pub(in super::super) const GUARD_PAGES: &str = "accesses_past_sampled_blocks_are_caught";
    pub(in super::super) const WORDS: &str = "words_written_past_a_block_are_explained";
    pub(in super::super) const SLABS: &str = "slabinfo_is_what_slabs_take";
    pub(in super::super) const STACKS: &str = "call_stacks_sum_up_to_the_totals";
    pub(in super::super) const LOST: &str = "lost_blocks_are_found_and_others_are_not";
    pub(in super::super) const LINES: &str = "own_functions_have_file_and_line";
}
use skippable::{GUARD_PAGES, GUARDS, LOST, SLABS, STACKS, WORDS};

/// The longest that all of them may take: some read each file of /proc for a tenth of a second, on a busy host.
const SELFTESTS_LIMIT: Duration = Duration::from_mins(5);

/// The classic lesson stands among the self-tests under this name.
const LESSON: &str = "ten_kmalloc_and_kfree_agree_at_every_step";

/// What is skipped on the heaps above.
const SKIPPED_ON_HEAPS: [&[&str]; 4] = [&[SLABS], &[SLABS], &[SLABS, STACKS], &[SLABS]];

/// A row of the table below: another heap.
const fn with_heap<const HEAP: usize>(name: &'static str, cmdline: &'static str) -> Scenario {
    Scenario {
        name,
        about: "all pass on this heap too",
        judge: Judge::Drive(Machine { cmdline, ..DEFAULT }, selftests_pass_on_heap::<HEAP>),
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "selftest",
        about: "all of them pass, twice, and the second run leaves the live blocks as they were",
        judge: Judge::Drive(DEFAULT, |vm| selftests_pass_twice(vm, &[])),
    },
    Scenario {
        name: "selftest-off",
        about: "the same where the kernel booted without recording anything",
        judge: Judge::Drive(Machine { cmdline: "memstat=off", ..DEFAULT }, |vm| {
            selftests_pass_twice(vm, &[STACKS])
        }),
    },
    Scenario {
        name: "selftest-full",
        about: "the same with call stacks and a history that is overwritten",
        judge: Judge::Drive(Machine { cmdline: "memstat=full memstat.history=100", ..DEFAULT }, |vm| {
            selftests_pass_twice(vm, &[])
        }),
    },
    Scenario {
        name: "selftest-arena-64K",
        about: "the same with an arena too small for the records",
        judge: Judge::Drive(Machine { cmdline: "memstat.arena=64K", ..DEFAULT }, |vm| {
            selftests_pass_twice(vm, &[])
        }),
    },
    Scenario {
        name: "selftest-arena-0",
        about: "the same with no arena at all",
        judge: Judge::Drive(Machine { cmdline: "memstat.arena=0", ..DEFAULT }, |vm| {
            selftests_pass_twice(vm, &[GUARDS, GUARD_PAGES, WORDS, STACKS, LOST])
        }),
    },
    with_heap::<0>("selftest-buddy", "heap=buddy memstat=full"),
    with_heap::<1>("selftest-talc", "heap=talc"),
    with_heap::<2>("selftest-tlsf", "heap=tlsf memstat=blocks"),
    with_heap::<3>("selftest-linked-list", "heap=linked-list"),
    Scenario {
        name: "selftest-failed",
        about: "a test that fails shows what it has logged, and one that passes does not",
        judge: Judge::Drive(DEFAULT, failed_test_shows_its_messages),
    },
    Scenario {
        name: "selftest-crash",
        about: "a kernel that ends during a test shows the messages of that test before its report",
        judge: Judge::Drive(
            Machine { cmdline: "panic=reboot", on_reset: OnReset::Reboot, ..DEFAULT },
            crash_shows_what_was_held_back,
        ),
    },
    Scenario {
        name: "untracked",
        about: "with an arena of 64K 100,000 blocks come and go, and what was not recorded is counted",
        judge: Judge::Drive(
            Machine { cmdline: "memstat.arena=64K", ..DEFAULT },
            unrecorded_blocks_are_counted,
        ),
    },
    Scenario {
        name: "lesson",
        about: "demo=memstat counts two blocks of 640 bytes more, then one of 512, then none",
        judge: Judge::Drive(Machine { cmdline: "demo=memstat", ..DEFAULT }, lesson_is_counted),
    },
];

fn selftests_pass_twice(vm: &mut Vm, skipped: &[&str]) -> Result<()> {
    vm.wait_for_boot()?;
    let output = run_selftests(vm)?;
    judge_selftests(&output, skipped)?;
    judge_console(&output)?;
    // The counters know all blocks; /proc/allocs just those that are recorded.
    let before = live(vm)?;
    judge_selftests(&run_selftests(vm)?, skipped)?;
    let after = live(vm)?;
    ensure!(before == after, "the second run left `{after}` where `{before}` was");
    Ok(())
}

/// What is live: recorded blocks and bytes, and all blocks and the bytes that they take.
fn live(vm: &mut Vm) -> Result<String> {
    let Allocs { blocks, bytes, .. } = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let summary = vm.run("memstat summary")?;
    let line = summary.lines().find(|line| line.starts_with("live: "));
    let line = line.ok_or_else(|| Error::Wrong(format!("no line of live blocks in `{summary}`")))?;
    Ok(format!("{blocks} recorded, {bytes} bytes; {line}"))
}

fn selftests_pass_on_heap<const HEAP: usize>(vm: &mut Vm) -> Result<()> {
    selftests_pass_twice(vm, SKIPPED_ON_HEAPS[HEAP])?;
    let summary = vm.run("memstat summary")?;
    let wanted = format!("heap {},", HEAPS[HEAP]);
    ensure!(summary.starts_with(&wanted), "not `{wanted}` but: {summary}");
    Ok(())
}

/// Runs all self-tests, and returns what they print.
pub(super) fn run_selftests(vm: &mut Vm) -> Result<String> {
    vm.enter("selftest")?;
    vm.wait_for_prompt("prompt after `selftest`", SELFTESTS_LIMIT)
}

/// All self-tests pass, but for those that this machine gives nothing to test: just these say that they were skipped.
pub(super) fn judge_selftests(output: &str, skipped: &[&str]) -> Result<()> {
    let found = skipped_selftests(output)?;
    ensure!(found == skipped, "in the kernel {found:?} are skipped, not {skipped:?}");
    Ok(())
}

/// Which self-tests were skipped, in their order; no other result than `ok` is let through.
///
/// A line each, `test NAME ... ok`, `test NAME ... skipped: REASON` or `test NAME ... FAILED: REASON`, and a sum at the
/// end that fits.
pub(super) fn skipped_selftests(output: &str) -> Result<Vec<&str>> {
    let results: Vec<(&str, &str)> =
        output.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... ")).collect();
    ensure!(!results.is_empty(), "selftest runs no test: {output}");
    let mut skipped = Vec::new();
    for (name, result) in &results {
        match *result {
            "ok" => {}
            reason if reason.strip_prefix("skipped: ").is_some_and(|reason| !reason.is_empty()) => {
                skipped.push(*name);
            }
            _ => return Err(Error::Wrong(format!("in the kernel: test {name} ... {result}"))),
        }
    }
    ensure!(results.contains(&(LESSON, "ok")), "selftest does not run {LESSON}");
    let sum = output.lines().find_map(|line| line.strip_prefix("selftest: "));
    let sum = sum.ok_or_else(|| Error::Wrong("selftest prints no sum".into()))?;
    let wanted = format!("{} passed, 0 failed, {} skipped", results.len() - skipped.len(), skipped.len());
    ensure!(sum == wanted, "selftest ran {} tests: {sum}", results.len());
    Ok(skipped)
}

/// What a passing self-test does wrong on purpose stays off the console, where it would look like a fault.
fn judge_console(output: &str) -> Result<()> {
    let message = output.lines().find(|line| line.starts_with('['));
    ensure!(message.is_none(), "a message stands among the results of self-tests: {message:?}");
    ensure!(
        output.contains("  mistakes made on purpose: "),
        "no self-test makes a mistake on purpose:\n{output}"
    );
    Ok(())
}

fn failed_test_shows_its_messages(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let before = free_pages(vm)?;
    // The test takes the pages that all heaps get in turn, and then, for each heap, those that describe them. So the
    // first heap fails, or the second one when the first has passed.
    for (number, heap) in [(2, "slab"), (3, HEAPS[0])] {
        let message = format!("] heap={heap} does not keep the contract");
        let answer = vm.run(&format!("fail pages nth {number} selftest heaps_keep_the_contract"))?;
        ensure!(answer.contains("test heaps_keep_the_contract ... FAILED: "), "it does not fail: {answer}");
        ensure!(answer.contains(&message), "a failed test does not show `{message}`: {answer}");
        ensure!(answer.matches(" does not keep the contract").count() == 1, "more heaps fail: {answer}");
        ensure!(answer.contains("selftest: 0 passed, 1 failed, 0 skipped"), "another sum: {answer}");
    }
    let after = free_pages(vm)?;
    ensure!(after == before, "a failed test kept pages: {before} were free, then {after}");
    let answer = vm.run("selftest bad_frees_do_no_harm")?;
    judge_console(&answer)?;
    let log = vm.run("dmesg")?;
    ensure!(log.matches("double free of").count() == 2, "dmesg does not have what was not shown:\n{log}");
    let answer = vm.run("bug double-free")?;
    ensure!(answer.contains("] double free of"), "messages are not shown after the tests: {answer}");
    Ok(())
}

fn crash_shows_what_was_held_back(vm: &mut Vm) -> Result<()> {
    const ATTEMPTS: u32 = 10;
    vm.wait_for_boot()?;
    for _ in 0..ATTEMPTS {
        // This test logs nearly all the time, so that most interrupts find such messages.
        vm.enter(&"selftest bad_frees_do_no_harm; ".repeat(8))?;
        vm.expect("first result", COMMAND_LIMIT, |text| text.contains(" ... ok").then_some(()))?;
        vm.monitor().inject_nmi()?;
        let text = vm.wait_for_prompt("prompt after a restart", Duration::from_mins(1))?;
        ensure!(text.contains("non-maskable interrupt"), "no report of the interrupt: {text}");
        if let Some((before, report)) = text.split_once("\nmessages of the self-test that ran:\n") {
            ensure!(!before.contains("] double free"), "it was shown before: {before}");
            let (held, report) = report.split_once("\nexception 2: ").unwrap_or((report, ""));
            ensure!(held.starts_with('[') && held.contains(" free of "), "no message follows: {held}");
            ensure!(report.contains("call stack:"), "no report behind it: {text}");
            return power_off(vm);
        }
    }
    Err(Error::Wrong(format!("in {ATTEMPTS} crashes during a self-test no such message was shown")))
}

fn unrecorded_blocks_are_counted(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let before = vm.run("memstat summary")?;
    let measured = vm.run("bench bulk 100000")?;
    ensure!(measured.lines().count() == 3, "100,000 blocks: `{measured}`");
    let after = vm.run("memstat summary")?;
    let figures = |text: &str| -> Result<[u64; 3]> {
        Ok([
            number_before(text, " bad frees")?,
            number_before(text, " not recorded\nsince")?,
            number_before(text, " blocks, ")?,
        ])
    };
    let ([bad_before, _, live_before], [bad, unrecorded, live]) = (figures(&before)?, figures(&after)?);
    ensure!(bad == bad_before, "frees of unrecorded blocks are called bad: {after}");
    ensure!(live == live_before, "of 100,000 blocks some are left: {after}");
    // 64 KiB hold records of 32 bytes for less than two thousand.
    ensure!((98_000..100_000).contains(&unrecorded), "{unrecorded} blocks were not recorded: {after}");
    Ok(())
}

/// Pages that are free.
fn free_pages(vm: &mut Vm) -> Result<u64> {
    number_before(&vm.run("cat /proc/meminfo | grep MemFree")?, " kB").map(|kib| kib / 4)
}

/// The number that stands before some words.
fn number_before(text: &str, words: &str) -> Result<u64> {
    let end = text.find(words).ok_or_else(|| Error::Wrong(format!("no `{words}` in `{text}`")))?;
    let number = text.get(..end).and_then(|before| before.rsplit(' ').next());
    number
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Error::Wrong(format!("no number before `{words}`")))
}

fn lesson_is_counted(vm: &mut Vm) -> Result<()> {
    let boot = vm.wait_for_boot()?;
    let lines: Vec<&str> = boot.lines().filter_map(|line| Some(line.split_once("lesson: ")?.1)).collect();
    let wanted = [
        "before: 0 more blocks, 0 more bytes",
        "after kmalloc(128) and kmalloc(512): 2 more blocks, 640 more bytes",
        "after kfree of the first: 1 more block, 512 more bytes",
        "after kfree of the second: 0 more blocks, 0 more bytes",
    ];
    ensure!(lines == wanted, "the demonstration logs {lines:?}, not {wanted:?}");
    // What `memstat` shows goes where its output goes.
    let shown = vm.run("memstat; memstat > /tmp/m; cat /tmp/m")?;
    let shown: Vec<&str> = shown.lines().collect();
    ensure!(
        matches!(shown.as_slice(), [one, other] if one == other && one.contains(" active block")),
        "`memstat` shows {shown:?}, on the console and in a file"
    );
    let rate = vm.run("bug leak; memstat stacks rate")?;
    let is_rate = |line: &str| line.starts_with("stack ") && line.contains(" bytes a second: ");
    ensure!(rate.lines().any(is_rate), "`memstat stacks rate` shows no rate: {rate}");
    Ok(())
}
