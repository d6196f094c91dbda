//! `cat`: files, one after the other.

use shell::Command;

use super::Session;
use crate::console;

pub(super) const COMMAND: Command<Session> =
    Command { name: "cat", usage: "cat FILE...", summary: "write files to the screen", run };

fn run(session: &mut Session, paths: &[&str]) {
    if paths.is_empty() {
        session.print(format_args!("usage: {}\n", COMMAND.usage));
    }
    for path in paths {
        if let Err(error) = session.read(path, |_, bytes| console::write_bytes(bytes)) {
            session.fail("cat", path, error);
        }
        if session.is_interrupted() {
            return;
        }
    }
}
