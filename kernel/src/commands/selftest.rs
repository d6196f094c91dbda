//! `selftest`: the kernel's own tests.

use memstat::Level;
use shell::Command;

use super::Session;
use crate::memory::heap::tracker;
use crate::selftest;

pub(super) const COMMAND: Command<Session> =
    Command { name: "selftest", usage: "selftest", summary: "run the kernel's own tests", run };

fn run(session: &mut Session, _: &[&str]) {
    let (mut passed, mut failed) = (0, 0);
    // The tests look at records, so there must be some.
    let level = tracker().level();
    tracker().set_level(level.max(Level::Blocks));
    for test in &selftest::TESTS {
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
