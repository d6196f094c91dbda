//! `fail fill` and `fail drain`: all memory held, to try what works while there is none, and given back.

use shell::{Command, Options, Session, Syntax};

use crate::memory::failures;
use crate::selftest::fill;

pub(super) const FILL: Command = Command {
    name: "fill",
    usage: "fail fill",
    summary: "hold all memory",
    syntax: Syntax::NOTHING,
    run: fill_memory,
};

pub(super) const DRAIN: Command = Command {
    name: "drain",
    usage: "fail drain",
    summary: "give back what fill holds",
    syntax: Syntax::NOTHING,
    run: drain_memory,
};

fn fill_memory(session: &mut Session, _: &Options<'_>) {
    let filled = fill::fill();
    let are_rules_set = failures::HEAP.is_armed() || failures::PAGES.is_armed();
    let what =
        if are_rules_set { "are held, not all memory, as rules let some fail" } else { "hold all memory" };
    session.print(format_args!(
        "fail: {} blocks of {} bytes {what}; fail drain frees them\n",
        filled.blocks, filled.bytes
    ));
}

fn drain_memory(session: &mut Session, _: &Options<'_>) {
    let drained = fill::drain();
    session.print(format_args!("fail: {} blocks of {} bytes freed\n", drained.blocks, drained.bytes));
}
