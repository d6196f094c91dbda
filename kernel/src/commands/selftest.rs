//! `selftest`: the kernel's own tests.

use memstat::Level;
use shell::{Command, Session};

use crate::memory::heap::tracker;
use crate::selftest;

pub(super) const COMMAND: Command = Command {
    name: "selftest",
    usage: "selftest [NAME...]",
    summary: "run the kernel's own tests, or those named",
    run,
};

fn run(session: &mut Session, names: &[&str]) {
    let is_test = |name: &&str| selftest::TESTS.iter().any(|test| test.name == *name);
    if let Some(name) = names.iter().find(|name| !is_test(name)) {
        return session.complain(format_args!("selftest: {}: no such test", name.escape_debug()));
    }
    let (mut passed, mut failed) = (0, 0);
    // The tests look at records, so there must be some.
    let level = tracker().level();
    tracker().set_level(level.max(Level::Blocks));
    for test in selftest::TESTS.iter().filter(|test| names.is_empty() || names.contains(&test.name)) {
        match (test.run)() {
            Ok(()) => {
                passed += 1;
                session.print(format_args!("test {} ... ok\n", test.name));
            }
            Err(reason) => {
                failed += 1;
                session.print(format_args!("test {} ... FAILED: {reason}\n", test.name));
            }
        }
    }
    tracker().set_level(level);
    session.print(format_args!("selftest: {passed} passed, {failed} failed\n"));
}
