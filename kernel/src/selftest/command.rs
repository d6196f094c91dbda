//! `selftest`: the kernel's own tests.

use memstat::Level;
use shell::{Command, Options, Session, Suggestion, Syntax};

use crate::memory::heap::tracker;
use crate::selftest::muted::MutedConsole;
use crate::selftest::{self, Verdict};

pub(crate) const COMMAND: Command = Command {
    name: "selftest",
    usage: "selftest [NAME...]",
    summary: "run the kernel's own tests, or those named",
    syntax: Syntax::at_least(0),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let names = options.operands.as_slice();
    let is_test = |name: &&str| selftest::TESTS.iter().any(|test| test.name == *name);
    if let Some(name) = names.iter().find(|name| !is_test(name)) {
        let suggestion =
            Suggestion::new(name, selftest::TESTS.iter().map(|test| test.name), "selftest alone runs all");
        return session.report_failure(format_args!("selftest: {name}: no such test{suggestion}"));
    }
    // The tests read records, so blocks must be recorded.
    let level = tracker().level();
    tracker().set_level(level.max(Level::Blocks));
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let mut muted = 0;
    for test in selftest::TESTS.iter().filter(|test| names.is_empty() || names.contains(&test.name)) {
        let name = test.name;
        // Tests make mistakes on purpose, and the reports of these would look like faults.
        let console = MutedConsole::begin();
        let outcome = test.run();
        match outcome {
            Ok(Verdict::Passed) => {
                passed += 1;
                session.print(format_args!("test {name} ... ok\n"));
            }
            Ok(Verdict::Skipped(reason)) => {
                skipped += 1;
                session.print(format_args!("test {name} ... skipped: {reason}\n"));
            }
            Err(reason) => {
                failed += 1;
                session.print(format_args!("test {name} ... FAILED: {reason}\n"));
            }
        }
        if outcome.is_err() {
            console.show();
        } else if let messages @ 1.. = console.end() {
            let plural = if messages == 1 { "" } else { "s" };
            session.print(format_args!("  mistakes made on purpose: {messages} line{plural} in dmesg\n"));
            muted += messages;
        }
    }
    tracker().set_level(level);
    if muted > journal::CAPACITY {
        let kept = journal::CAPACITY;
        session.print(format_args!(
            "dmesg keeps the last {kept} lines; run a test by its name to read its own\n"
        ));
    }
    session.print(format_args!("selftest: {passed} passed, {failed} failed, {skipped} skipped\n"));
}
