//! Each `bug` of the kernel's: what it says of it names the functions that made the mistake, with the file and the very
//! line, found in the sources; and those that can be lived with leave all figures in agreement.

use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Machine};
use crate::suite::{Judge, Scenario};
use crate::text;
use crate::vm::{COMMAND_LIMIT, Vm};

/// A machine with so many words on its command line.
const fn with(
    name: &'static str,
    about: &'static str,
    cmdline: &'static str,
    judge: fn(&mut Vm) -> Result<()>,
) -> Scenario {
    Scenario { name, about, judge: Judge::Drive(Machine { cmdline, ..DEFAULT }, judge) }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    with(
        "bug-deadlock",
        "an interrupt that needs the allocator's lock is refused, and both stacks are named",
        "memstat=full",
        deadlock_is_refused,
    ),
    with(
        "bug-deadlock-guarded",
        "the same at guard=full on tlsf, without call stacks recorded",
        "memstat=blocks guard=full heap=tlsf",
        deadlock_is_refused,
    ),
    with(
        "bug-lock-twice",
        "a lock that its own holder takes is a panic that names both places",
        "",
        lock_held_here_is_told,
    ),
];

/// A source file of the kernel.
struct Source {
    path: &'static str,
    text: &'static str,
}

const SAMPLER: Source = Source {
    path: "kernel/src/memory/sampler.rs",
    text: include_str!("../../../kernel/src/memory/sampler.rs"),
};
const MAILBOX: Source =
    Source { path: "kernel/src/bug/mailbox.rs", text: include_str!("../../../kernel/src/bug/mailbox.rs") };

impl Source {
    /// The report has a line with the function and a line of this file, on which stands `code`.
    fn expect(&self, report: &str, function: &str, code: &str) -> Result<()> {
        let frame = report.lines().find(|line| line.contains(function));
        let frame = frame.ok_or_else(|| Error::Wrong(format!("no `{function}` in:\n{report}")))?;
        let place = frame.split_once(self.path).and_then(|(_, rest)| rest.strip_prefix(':'));
        let number = place.and_then(|rest| rest.split([':', ' ']).next()?.parse::<usize>().ok());
        let line = number.and_then(|number| self.text.lines().nth(number.checked_sub(1)?));
        let line = line.ok_or_else(|| Error::Wrong(format!("no line of {} in: {frame}", self.path)))?;
        ensure!(line.contains(code), "{frame}: that line has no `{code}`, but is: {line}");
        Ok(())
    }
}

/// The call stack below the title.
fn stack<'a>(report: &'a str, title: &str) -> Result<&'a str> {
    let (_, rest) = report
        .split_once(&format!("  {title}"))
        .ok_or_else(|| Error::Wrong(format!("no `{title}` in:\n{report}")))?;
    // Frames are indented by four, behind the time; all else by less.
    let is_title = |line: &str| line.split_once("] ").is_some_and(|(_, text)| !text.starts_with("    "));
    let end = rest
        .match_indices('\n')
        .map(|(at, _)| at)
        .find(|at| rest.get(at + 1..).and_then(|next| next.lines().next()).is_none_or(is_title));
    Ok(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default())
}

/// The tracker's figures agree.
fn judge_consistency(vm: &mut Vm) -> Result<()> {
    let file = vm.run("cat /proc/memstat")?;
    ensure!(file.contains("consistent: yes"), "{file}");
    Ok(())
}

fn deadlock_is_refused(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = vm.run("bug deadlock")?;
    let parts: Vec<&str> = report.split("deadlock: ").collect();
    let [_, freed, allocated] = parts.as_slice() else {
        return Err(Error::Wrong(format!("not two reports, of a free and of an allocation:\n{report}")));
    };
    for (report, words, code) in
        [(freed, "that block stays live", "kfree(older"), (allocated, "an allocation of 8 bytes", "kmalloc(")]
    {
        ensure!(report.contains(words), "no `{words}` in:\n{report}");
        let wanted = stack(report, "wanted by:")?;
        SAMPLER.expect(wanted, "take_sample", code)?;
        ensure!(wanted.contains("tally_interrupt"), "the handler's stack does not say so:\n{wanted}");
        ensure!(!wanted.contains("sample_heap"), "the handler's stack is not its own:\n{wanted}");
        let held = stack(report, "held by:")?;
        ensure!(held.contains("wait_for_next_sample"), "the interrupted function is not named:\n{held}");
        SAMPLER.expect(held, "compare_while_the_allocator_is_locked", "wait_for_next_sample()")?;
        SAMPLER.expect(held, "sample_heap", "compare_while_the_allocator_is_locked()")?;
    }
    ensure!(allocated.contains(" 1 samples missed"), "the driver does not go on:\n{allocated}");
    let file = vm.run("cat /proc/memstat")?;
    ensure!(file.contains("refused: 1 allocations, 1 frees, 0 reallocations"), "{file}");
    ensure!(file.contains(" 0 failures, 0 bad frees"), "{file}");
    // The block whose free was refused is the only one that stays.
    let allocs = vm.run("cat /proc/allocs")?;
    ensure!(allocs.matches("            8       16 ").count() == 1, "not one block stays:\n{allocs}");
    judge_consistency(vm)
}

fn lock_held_here_is_told(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = stopped(vm, "bug lock-twice")?;
    let place = |words: &str| report.lines().find(|line| line.contains(words)).unwrap_or_default();
    MAILBOX.expect(place("panicked at"), "panicked at", "LETTERS.lock()")?;
    MAILBOX.expect(place("deadlock: "), "this CPU itself has held the lock since", "LETTERS.lock()")?;
    MAILBOX.expect(&report, "mailbox::post", "LETTERS.lock()")?;
    MAILBOX.expect(&report, "mailbox::deliver_with_the_mailbox_locked", "receive(letter)")
}

/// Types the command and reads its report, to the line that says that the kernel has stopped.
fn stopped(vm: &mut Vm, line: &str) -> Result<String> {
    vm.enter(line)?;
    vm.expect("report that ends with `stopped`", COMMAND_LIMIT, |text| {
        text::is_stopped(text).then(|| text.to_owned())
    })
}
