//! `rmdir`: takes empty directories away.

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;

pub(super) const COMMAND: Command =
    Command { name: "rmdir", usage: "rmdir DIRECTORY...", summary: "remove empty directories", run };

fn run(session: &mut Session, words: &[&str]) {
    let options = Options::parse(words, "", None).filter(|options| !options.operands.is_empty());
    let Some(options) = options else { return session.show_usage(&COMMAND) };
    for path in &options.operands {
        if let Err(error) = session.vfs().remove_directory(&session.cwd, path) {
            session.fail(COMMAND.name, path, error);
        }
    }
}
