//! `fail`: fault injection for allocations, and its results.
//!
//! Source: Linux, Documentation/fault-injection/fault-injection.rst, for what can be chosen.

pub(super) mod inner;
pub(super) mod kind;
pub(super) mod snapshot;
pub(super) mod words;

use arrayvec::ArrayString;
use memstat::{FaultRule, Faults};
use shell::{Command, Options, Session, Syntax};

use super::lab;
use crate::symbols;
use inner::Work;
use kind::{BLOCKS, Kind, PAGES};
use snapshot::Snapshot;
use words::{InWords, Ordinal};

pub(super) const COMMAND: Command =
    Command { name: "fail", usage: USAGE, summary: SUMMARY, syntax: Syntax::SUBCOMMAND, run };

const USAGE: &str = concat!(
    "fail [off | ",
    lab::fail_words!(),
    "[pages] RULE]; RULE is nth N [COMMAND...], every N, probability P [seed S], times N, size A-B, ",
    "site NAME|FILE:LINE|A-B, interrupts on|off, off"
);
const SUMMARY: &str =
    concat!("let allocations fail on purpose", lab::fail_summary!(), "; alone: show the rules");

/// The longest rule.
const MAX_RULE_BYTES: usize = 256;

/// The first words of a rule.
const RULES: [&str; 9] =
    ["off", "nth", "every", "probability", "times", "size", "sizes", "site", "interrupts"];

fn run(session: &mut Session, options: &Options<'_>) {
    match options.operands.as_slice() {
        [] => show(session),
        words @ [name, ..] if shell::find(lab::FAIL, name).is_some() => {
            session.run_subcommand(&COMMAND, &[lab::FAIL], words);
        }
        [name, ..] if *name != "pages" && !RULES.contains(name) => {
            let names = lab::FAIL.iter().map(|command| command.name).chain(RULES).chain(["pages"]);
            session.report_no_subcommand(&COMMAND, name, names);
        }
        ["off"] => [BLOCKS, PAGES].iter().for_each(|kind| kind.failures.set(Faults::OFF)),
        ["pages"] => session.show_usage(&COMMAND),
        ["pages", words @ ..] => run_rule(session, PAGES, words),
        words => run_rule(session, BLOCKS, words),
    }
}

fn show(session: &mut Session) {
    for kind in [BLOCKS, PAGES] {
        session.print(format_args!("{}s: {}\n", kind.name, InWords(&kind.failures.get())));
    }
}

fn run_rule(session: &mut Session, kind: Kind, words: &[&str]) {
    match words {
        ["nth", number, command @ ..] if !command.is_empty() => match number.parse() {
            Ok(number) if number > 0 => fail_once(session, kind, number, command),
            _ => session.report_failure(format_args!("fail: {number}: not a number above 0")),
        },
        words => set_rule(session, kind, words),
    }
}

fn set_rule(session: &mut Session, kind: Kind, words: &[&str]) {
    let mut rule = ArrayString::<MAX_RULE_BYTES>::new();
    let is_short = words.iter().all(|word| rule.try_push_str(word).is_ok() && rule.try_push(' ').is_ok());
    if !is_short {
        return session.report_failure(format_args!("fail: more than {MAX_RULE_BYTES} bytes in a rule"));
    }
    if let Err(error) = kind.failures.apply(&rule, symbols::find_sites) {
        session.report_failure(format_args!("fail: {}: {error}", rule.trim_end()));
    }
}

/// Runs a command of which one allocation fails. The rule that was there, and what it is narrowed to, counts before and
/// behind it.
fn fail_once(session: &mut Session, kind: Kind, number: u64, command: &[&str]) {
    let Some(work) = Work::new(session, command) else { return };
    let before = Snapshot::take();
    let outer = kind.failures.get();
    kind.failures.set(outer.clone().with_rule(FaultRule::Nth(number)));
    work.run(session);
    let faults = kind.failures.get();
    kind.failures.set(outer);
    let after = Snapshot::take();

    let name = kind.name;
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
