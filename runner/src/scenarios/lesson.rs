//! What docs/lesson.md teaches with: blocks made by hand, hints that lead on, heap or pages, GRUB's entry.
//!
//! The steps and exercises of the lesson itself are examples, typed by `examples-lesson` and `examples-lesson-ru`.

use std::time::Duration;

use super::devices::choose_entry;
use super::sources::{KFREE, KMALLOC, KREALLOC, KZALLOC};
use super::{has_all, is_consistent, with_words};
use crate::error::{Error, Result, ensure};
use crate::machine::DEFAULT;
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words(
        "lesson-blocks",
        "kmalloc and its relatives show what they did, and their blocks are found in each way",
        "memstat=full",
        blocks_are_found,
    ),
    with_words("lesson-refused", "what is no block of the shell's is not freed", "", others_are_refused),
    with_words(
        "lesson-limits",
        "wrong words, no memory and too many blocks get a line each",
        "",
        limits_are_said,
    ),
    with_words(
        "lesson-levels",
        "by hand at each level, on a heap of another kind",
        "heap=tlsf",
        levels_are_survived,
    ),
    with_words("lesson-fuzz", "30,000 random lines leave nothing behind", "", |vm| {
        lines_are_survived(vm, 30_000)
    }),
    with_words("lesson-fuzz-full", "the same at full with guards", "memstat=full guard=full", |vm| {
        lines_are_survived(vm, 15_000)
    }),
    with_words("lesson-hints", "hints know what is on", "", hints_know_the_state),
    with_words("lesson-pages", "heap or pages: the line of the report, and what grew", "", pages_are_told),
    Scenario {
        name: "lesson-menu",
        about: "GRUB's entry Lesson counts two blocks at the boot, and keeps a history",
        judge: Judge::PowerOn(DEFAULT, entry_boots_the_lesson),
    },
];

/// A million lines take minutes.
pub(crate) const SOAK: &[Scenario] =
    &[with_words("lesson-million", "a million random lines leave nothing behind", "guard=redzone", |vm| {
        lines_are_survived(vm, 1_000_000)
    })];

/// The address that a line begins with.
fn address(answer: &str) -> Result<&str> {
    let found = answer.split(':').next().filter(|word| word.starts_with("0xffff"));
    found.ok_or_else(|| Error::Wrong(format!("no address begins `{answer}`")))
}

/// The first two numbers behind `before`.
fn pair<'a>(answer: &'a str, before: &str) -> Option<(&'a str, &'a str)> {
    let mut words = answer.rsplit_once(before)?.1.split([' ', ',']);
    Some((words.next()?, words.nth(1)?))
}

fn blocks_are_found(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = vm.run("kmalloc 128; kmalloc 512; leaks since boot")?;
    has_all(&report, &["128 bytes asked for, 128 taken", "+640 bytes, +2 blocks (2 new): stack "])?;
    KMALLOC.expect(&report, "kmalloc::run+0x", "kmalloc(order.size_bytes())")?;
    let answer = vm.run("kmalloc 100 3")?;
    ensure!(answer.matches(": 100 bytes asked for, 128 taken\n").count() == 3, "three blocks: {answer}");
    ensure!(pair(&answer, "live: ") == Some(("3", "6")), "live blocks: {answer}");
    let moved = address(&answer)?.to_owned();
    let answer = vm.run(&format!("krealloc {moved} 120"))?;
    ensure!(answer.starts_with(&format!("{moved}: stays where it is")), "{answer}");
    let answer = vm.run(&format!("krealloc {moved} 3000"))?;
    ensure!(answer.contains(&format!(": moved there from {moved}, now 3000 bytes")), "{answer}");
    let now = address(&answer)?.to_owned();
    let sites = vm.run("cat /proc/allocs")?;
    let row = sites.lines().find(|line| line.contains(now.trim_start_matches("0x"))).unwrap_or_default();
    KREALLOC.expect(row, "krealloc::run+0x", "by_hand::reallocate(address, size_bytes)")?;
    let zeroed = vm.run("kzalloc 40")?;
    let zeroed = address(&zeroed)?.to_owned();
    let events = vm.run("memstat history")?;
    has_all(&events, &[zeroed.trim_start_matches("0x"), now.trim_start_matches("0x")])?;
    // Nothing in the kernel refers to them: all that is live but for the kernel's own block is lost.
    vm.run("leaks scan")?;
    let scan = vm.run("leaks scan")?;
    has_all(&scan, &[" 6 leaks of ", &format!("unreferenced: {zeroed}, 40 bytes")])?;
    let (_, zeros) = scan.split_once(&format!("unreferenced: {zeroed}")).unwrap_or_default();
    let row = zeros.lines().nth(1).unwrap_or_default();
    ensure!(row.starts_with("  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "), "not zero: {scan}");
    KZALLOC.expect(&scan, "kzalloc::run+0x", "kzalloc(order.size_bytes())")?;
    let answer = vm.run(&format!("kfree {now} {zeroed}"))?;
    has_all(&answer, &[&format!("{zeroed}: freed, 48 bytes given back"), &format!("{now}: freed, ")])?;
    let answer = vm.run("kfree all")?;
    ensure!(answer.starts_with("4 of 4 blocks freed\n"), "{answer}");
    ensure!(pair(&answer, "live: ") == Some(("5", "1")), "live blocks: {answer}");
    is_consistent(vm)
}

fn others_are_refused(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let block = vm.run("kmalloc 200")?;
    let block = address(&block)?.to_owned();
    let inside = block.replace("00", "10");
    let inside = if inside == block { format!("{block}1") } else { inside };
    let refused = |vm: &mut Vm, line: &str, words: &[&str]| {
        let answer = vm.run(&format!("{line} || echo failed"))?;
        has_all(&answer, words)?;
        ensure!(answer.ends_with("failed"), "`{line}` succeeds: {answer}");
        Ok(answer)
    };
    refused(
        vm,
        "kfree 0x1234",
        &["free of 0x1234, which is no live block; ignored", "no live block starts there"],
    )?;
    refused(vm, &format!("kfree {inside}"), &["; ignored", "this free:", "no live block starts there"])?;
    let twice =
        refused(vm, &format!("kfree {block} {block}"), &[": freed, ", "double free of ", "freed first"])?;
    KFREE.expect(&twice, "kfree::free+0x", "by_hand::free(address)")?;
    refused(vm, &format!("krealloc {block} 10"), &["; ignored", "no live block starts there"])?;
    // The kernel's own block, with and without a record of it.
    for level in ["stacks", "off"] {
        let own = vm.run(&format!("cat /proc/allocs; memstat level {level}"))?;
        let own =
            own.lines().nth(3).and_then(|row| row.split_whitespace().next()).unwrap_or_default().to_owned();
        for line in [format!("kfree {own}"), format!("krealloc {own} 0"), format!("krealloc {own} 9999")] {
            let answer = refused(vm, &line, &["the kernel uses this block of 256 bytes"])?;
            ensure!(!answer.contains("ignored"), "the tracker was asked: {answer}");
        }
    }
    vm.run("memstat level stacks")?;
    let new = vm.run("krealloc 0 70; kfree all")?;
    has_all(&new, &[": a new block, now 70 bytes asked for, 96 taken", "1 of 1 blocks freed"])?;
    let null = vm.run("kfree 0")?;
    ensure!(null.starts_with("0x0: null, nothing to free\n"), "{null}");
    is_consistent(vm)
}

fn limits_are_said(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for (line, words) in [
        ("kmalloc", "usage: kmalloc SIZE [COUNT]"),
        ("kmalloc 12x", "kmalloc: '12x' is not a size; expected bytes, as in 128, 0x80 or 4K"),
        ("kmalloc -- -1", "kmalloc: '-1' is not a size"),
        ("kmalloc 99999999999999999999", "is not a size"),
        ("kzalloc 10 0", "kzalloc: '0' is not a number of blocks; expected 1 to 4096"),
        ("krealloc 12", "usage: krealloc ADDRESS SIZE"),
        ("krealloc nowhere 12", "krealloc: 'nowhere' is not an address; expected hexadecimal digits"),
        ("kfree 0x1ffffffffffffffff", "is not an address"),
        ("kfree +12", "is not an address"),
        ("kmalloc 0xffffffffffffffff", "kmalloc: out of memory"),
        ("krealloc 0 9000000000000000000", "krealloc: 0x0: out of memory"),
        ("kmaloc 1", "kmaloc: command not found; did you mean kmalloc?"),
    ] {
        let answer = vm.run(&format!("{line} || echo failed"))?;
        ensure!(answer.contains(words) && answer.ends_with("failed"), "`{line}` says {answer}");
    }
    let full = vm.run("kmalloc 1 4096 > /tmp/all; wc -l /tmp/all; kmalloc 1; krealloc 0 1; kzalloc 1 2")?;
    has_all(&full, &["4097 /tmp/all"])?;
    ensure!(
        full.matches(": 4096 blocks made at the shell are live, and no more can be").count() == 3,
        "{full}"
    );
    let answer = vm.run("kfree all")?;
    ensure!(answer.starts_with("4096 of 4096 blocks freed\n"), "{answer}");
    let answer = vm.run("kmalloc 1M 400 > /tmp/all; wc -l /tmp/all; kfree all")?;
    has_all(&answer, &["kmalloc: out of memory"])?;
    let made =
        answer.lines().find_map(|line| line.strip_suffix(" /tmp/all")?.parse::<u64>().ok()).unwrap_or(0);
    let freed = format!("{0} of {0} blocks freed", made.saturating_sub(1));
    ensure!(made > 200 && answer.contains(&freed), "{answer}");
    is_consistent(vm)
}

fn levels_are_survived(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for level in ["off", "counters", "blocks", "stacks", "full"] {
        let made = vm.run(&format!("memstat level {level}; kmalloc 100"))?;
        let block = address(&made)?.to_owned();
        let is_silent = made.contains("level is off: nothing is counted");
        ensure!(is_silent == (level == "off"), "at {level}: {made}");
        let answer = vm.run(&format!("krealloc {block} 5000; memstat level off; kfree all"))?;
        has_all(&answer, &["now 5000 bytes asked for", "1 of 1 blocks freed"])?;
    }
    let answer = vm.run("memstat level stacks; memstat")?;
    ensure!(answer.starts_with("1 active block, 256 bytes"), "blocks stay: {answer}");
    is_consistent(vm)
}

fn lines_are_survived(vm: &mut Vm, lines: u64) -> Result<()> {
    const LIMIT: Duration = Duration::from_mins(15);
    vm.wait_for_boot()?;
    let command = format!("fuzz {lines} 18 || echo failed");
    vm.enter(&command)?;
    let answer = vm.wait_for_prompt(&command, LIMIT)?;
    let is_sound = answer.starts_with(&format!("fuzz: seed 18: {lines} lines, "))
        && answer.ends_with("; consistent: yes")
        && answer.lines().count() == 1;
    ensure!(is_sound, "{answer}");
    let done =
        answer.split_once(" lines, ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    // Enough of them succeed, and enough do not.
    ensure!(done.is_some_and(|done| done > lines / 4 && done < lines / 4 * 3), "{answer}");
    is_consistent(vm)
}

fn hints_know_the_state(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for (line, words) in [
        ("bug use-after-free", "what finds it: guard full and later guard check, or guard sample 1"),
        ("guard full; bug use-after-free", "not noticed so far; type guard check"),
        (
            "memstat level counters; bug use-after-free",
            "no effect at memstat level counters: type memstat level stacks",
        ),
        (
            "memstat level stacks; guard off; guard sample 9; bug read-after-free",
            "only one block in 9 is sampled",
        ),
        (
            "guard sample 0; memstat history",
            "level is stacks: events are not recorded; type memstat level full",
        ),
        ("man memstat", "memstat [summary | balance | pages | "),
        ("help keys", "Ctrl-U "),
        ("memstat mark two", "mark two: 1 block, "),
        ("memstat since", "since two, set "),
        ("leaks clear two && echo gone", "gone"),
    ] {
        let answer = vm.run(line)?;
        ensure!(answer.contains(words), "`{line}` says {answer}, not {words}");
    }
    let full = vm.run("memstat level full; kmalloc 1; memstat history")?;
    ensure!(!full.contains("level is"), "a hint at full: {full}");
    Ok(())
}

fn pages_are_told(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let pages = vm.run("memstat pages")?;
    let line = pages.lines().next().unwrap_or_default();
    let parts: Vec<u64> = line.split([' ', ',', ';']).filter_map(|word| word.parse().ok()).collect();
    let [total, free, taken @ ..] = parts.as_slice() else {
        return Err(Error::Wrong(format!("`memstat pages` says {pages}")));
    };
    ensure!(free + taken.iter().sum::<u64>() == *total, "the parts are not the whole: {pages}");
    ensure!(pages.lines().nth(1).is_some_and(|line| line.starts_with("largest free run: ")), "{pages}");
    let report = vm.run("bug oom")?;
    let reported = report.lines().find_map(|line| Some(line.split_once("] memory: ")?.1)).unwrap_or_default();
    let words = |line: &str| line.replace(|digit: char| digit.is_ascii_digit(), "");
    let line = line.trim_start_matches("memory: ");
    ensure!(words(reported) == words(line), "not the line of the report: {reported}\n{line}");
    for (line, grown) in [
        ("leaks mark; leaks since", "pages: no change"),
        ("leaks mark; leaks mark; leaks since", "pages: no change"),
        ("leaks mark; kmalloc 256K; leaks since; kfree all", "pages: heap +256 kB"),
        ("leaks mark; cat /proc/version > /tmp/v; leaks since", "files +"),
        (
            "leaks mark a; kmalloc 64K; leaks mark b; leaks diff a b; kfree all",
            "pages: heap +64 kB, buffers +4 kB",
        ),
    ] {
        let answer = vm.run(line)?;
        ensure!(
            answer.lines().any(|line| line.starts_with("pages: ") && line.contains(grown)),
            "`{line}` says {answer}"
        );
    }
    Ok(())
}

fn entry_boots_the_lesson(vm: &mut Vm) -> Result<()> {
    choose_entry(vm, "Lesson")?;
    let boot = vm.wait_for_boot()?;
    has_all(&boot, &["lesson: after kmalloc(128) and kmalloc(512): 2 more blocks, 640 more bytes"])?;
    let answer = vm.run("memstat level; cat /proc/cmdline")?;
    has_all(&answer, &["full", "demo=memstat memstat=full"])
}
