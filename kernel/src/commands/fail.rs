//! `fail`: allocations that fail on purpose, and what comes of it.
//!
//! Source: Linux, Documentation/fault-injection/fault-injection.rst, for what can be chosen.

mod inner;
mod snapshot;
#[cfg(feature = "lab")]
mod sweep;
mod words;

use arrayvec::ArrayString;
use memstat::{FaultRule, Faults};
use shell::{Command, Session};

use crate::memory::failures::{self, Failures};
#[cfg(feature = "lab")]
use crate::selftest::fill;
use crate::symbols;
use inner::Work;
use snapshot::Snapshot;
use words::{InWords, Ordinal};

pub(super) const COMMAND: Command = Command { name: "fail", usage: USAGE, summary: SUMMARY, run };

macro_rules! usage {
    ($lab:literal) => {
        concat!(
            "fail [off | ",
            $lab,
            "[pages] RULE]; RULE is nth N [COMMAND...], every N, probability P [seed S], times N, size A-B, ",
            "site NAME|FILE:LINE|A-B, interrupts on|off, off"
        )
    };
}

#[cfg(feature = "lab")]
const USAGE: &str = usage!("fill | drain | sweep [-c LINE] [-n COUNT] COMMAND... | ");
#[cfg(feature = "lab")]
const SUMMARY: &str = "let allocations fail on purpose, or fill all memory; alone: show the rules";
#[cfg(not(feature = "lab"))]
const USAGE: &str = usage!("");
#[cfg(not(feature = "lab"))]
const SUMMARY: &str = "let allocations fail on purpose; alone: show the rules";

/// The longest rule.
const MAX_RULE_BYTES: usize = 256;

/// A sort of allocation.
#[derive(Clone, Copy)]
struct Sort {
    /// What one of them is called.
    name: &'static str,
    failures: &'static Failures,
}

const BLOCKS: Sort = Sort { name: "block", failures: &failures::HEAP };
const PAGES: Sort = Sort { name: "page", failures: &failures::PAGES };

fn run(session: &mut Session, words: &[&str]) {
    match words {
        [] => show(session),
        ["off"] => [BLOCKS, PAGES].iter().for_each(|sort| sort.failures.set(Faults::OFF)),
        #[cfg(feature = "lab")]
        ["fill"] => fill_memory(session),
        #[cfg(feature = "lab")]
        ["drain"] => drain_memory(session),
        #[cfg(feature = "lab")]
        ["sweep", words @ ..] => sweep::run(session, words),
        ["pages"] => session.show_usage(&COMMAND),
        ["pages", words @ ..] => run_rule(session, PAGES, words),
        words => run_rule(session, BLOCKS, words),
    }
}

fn show(session: &mut Session) {
    for sort in [BLOCKS, PAGES] {
        session.print(format_args!("{}s: {}\n", sort.name, InWords(&sort.failures.get())));
    }
}

fn run_rule(session: &mut Session, sort: Sort, words: &[&str]) {
    match words {
        ["nth", number, command @ ..] if !command.is_empty() => match number.parse() {
            Ok(number) if number > 0 => fail_once(session, sort, number, command),
            _ => session.complain(format_args!("fail: {}: not a number above 0", number.escape_debug())),
        },
        words => set_rule(session, sort, words),
    }
}

fn set_rule(session: &mut Session, sort: Sort, words: &[&str]) {
    let mut rule = ArrayString::<MAX_RULE_BYTES>::new();
    let is_short = words.iter().all(|word| rule.try_push_str(word).is_ok() && rule.try_push(' ').is_ok());
    if !is_short {
        return session.complain(format_args!("fail: more than {MAX_RULE_BYTES} bytes in a rule"));
    }
    if let Err(error) = sort.failures.apply(&rule, symbols::find_sites) {
        session.complain(format_args!("fail: {}: {error}", rule.trim_end().escape_debug()));
    }
}

/// Runs a command of which one allocation fails. The rule that was there, and what it is narrowed to, counts before and
/// behind it.
fn fail_once(session: &mut Session, sort: Sort, number: u64, command: &[&str]) {
    let Some(work) = Work::new(session, command) else { return };
    let before = Snapshot::take();
    let outer = sort.failures.get();
    sort.failures.set(outer.clone().with_rule(FaultRule::Nth(number)));
    work.run(session);
    let faults = sort.failures.get();
    sort.failures.set(outer);
    let after = Snapshot::take();

    let name = sort.name;
    if faults.failed > 0 {
        session.print(format_args!("fail: the {} allocation of a {name} failed; ", Ordinal(number)));
    } else {
        session.print(format_args!(
            "fail: the {} allocation of a {name} was not reached, as there were {}; ",
            Ordinal(number),
            faults.seen
        ));
    }
    match after.live_since(&before) {
        None => session.print(format_args!("live blocks and bytes are as before\n")),
        Some(change) => session.print(format_args!("{change} compared with before\n")),
    }
}

#[cfg(feature = "lab")]
fn fill_memory(session: &mut Session) {
    let filled = fill::fill();
    let are_rules_set = failures::HEAP.is_armed() || failures::PAGES.is_armed();
    let what =
        if are_rules_set { "are held, not all memory, as rules let some fail" } else { "hold all memory" };
    session.print(format_args!(
        "fail: {} blocks of {} bytes {what}; fail drain frees them\n",
        filled.blocks, filled.bytes
    ));
}

#[cfg(feature = "lab")]
fn drain_memory(session: &mut Session) {
    let drained = fill::drain();
    session.print(format_args!("fail: {} blocks of {} bytes freed\n", drained.blocks, drained.bytes));
}
