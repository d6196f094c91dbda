//! The kernel's self-tests, run inside it by `selftest`.

use crate::error::{Error, Result, ensure};
use crate::figures::Allocs;
use crate::machine::{DEFAULT, Machine};
use crate::suite::{Judge, Scenario};
use crate::vm::Vm;

/// The heaps besides the default.
const HEAPS: [&str; 4] = ["buddy", "talc", "tlsf", "linked-list"];

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
        judge: Judge::Drive(DEFAULT, selftests_pass_twice),
    },
    Scenario {
        name: "selftest-off",
        about: "the same where the kernel booted without recording anything",
        judge: Judge::Drive(Machine { cmdline: "memstat=off", ..DEFAULT }, selftests_pass_twice),
    },
    Scenario {
        name: "selftest-full",
        about: "the same with call stacks and a history that is overwritten",
        judge: Judge::Drive(
            Machine { cmdline: "memstat=full memstat.history=100", ..DEFAULT },
            selftests_pass_twice,
        ),
    },
    Scenario {
        name: "selftest-arena-64K",
        about: "the same with an arena too small for the records",
        judge: Judge::Drive(Machine { cmdline: "memstat.arena=64K", ..DEFAULT }, selftests_pass_twice),
    },
    Scenario {
        name: "selftest-arena-0",
        about: "the same with no arena at all",
        judge: Judge::Drive(Machine { cmdline: "memstat.arena=0", ..DEFAULT }, selftests_pass_twice),
    },
    with_heap::<0>("selftest-buddy", "heap=buddy memstat=full"),
    with_heap::<1>("selftest-talc", "heap=talc"),
    with_heap::<2>("selftest-tlsf", "heap=tlsf memstat=blocks"),
    with_heap::<3>("selftest-linked-list", "heap=linked-list"),
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
        about: "demo=memstat counts two blocks of 640 bytes, then one of 512, over the base line",
        judge: Judge::Drive(Machine { cmdline: "demo=memstat", ..DEFAULT }, lesson_is_counted),
    },
];

fn selftests_pass_twice(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_selftests(&vm.run("selftest")?)?;
    // The counters know all blocks; /proc/allocs just those that are recorded.
    let before = live(vm)?;
    judge_selftests(&vm.run("selftest")?)?;
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
    selftests_pass_twice(vm)?;
    let summary = vm.run("memstat summary")?;
    let wanted = format!("heap {},", HEAPS[HEAP]);
    ensure!(summary.starts_with(&wanted), "not `{wanted}` but: {summary}");
    Ok(())
}

/// `test NAME ... ok` or `test NAME ... FAILED: reason`, and a sum at the end that fits.
pub(super) fn judge_selftests(output: &str) -> Result<()> {
    let results: Vec<&str> = output.lines().filter(|line| line.starts_with("test ")).collect();
    for line in &results {
        ensure!(line.ends_with(" ... ok"), "in the kernel: {line}");
    }
    // The classic lesson stands among them under this name.
    let lesson = "test ten_kmalloc_and_kfree_agree_at_every_step ... ok";
    ensure!(results.contains(&lesson), "selftest does not run ten_kmalloc_and_kfree_agree_at_every_step");
    let sum = output.lines().find_map(|line| line.strip_prefix("selftest: "));
    let sum = sum.ok_or_else(|| Error::Wrong("selftest prints no sum".into()))?;
    ensure!(!results.is_empty(), "selftest runs no test");
    ensure!(
        sum == format!("{} passed, 0 failed", results.len()),
        "selftest ran {} tests: {sum}",
        results.len()
    );
    Ok(())
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
    let first = boot.find("2 active blocks, 640 bytes");
    let first = first.ok_or_else(|| Error::Wrong("no line says `2 active blocks, 640 bytes`".into()))?;
    let rest = boot.get(first..).unwrap_or_default();
    ensure!(rest.contains("1 active block, 512 bytes"), "no later line says `1 active block, 512 bytes`");
    Ok(())
}
