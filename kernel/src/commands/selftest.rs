//! `selftest`: the kernel's own tests.

use shell::Command;

use super::Session;
use crate::selftest;

pub(super) const COMMAND: Command<Session> =
    Command { name: "selftest", usage: "selftest", summary: "run the kernel's own tests", run };

fn run(session: &mut Session, _: &[&str]) {
    let (mut passed, mut failed) = (0, 0);
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
    session.print(format_args!("selftest: {passed} passed, {failed} failed\n"));
}
