//! `touch`: creates files, or sets their modification time to now.

use vfs::{Errno, OpenFlags};

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "touch",
    usage: "touch [-c] FILE...",
    summary: "create files, or set their modification time to now; -c: create none",
    syntax: Syntax::at_least(1).flags("c"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    for path in &options.operands {
        let (vfs, cwd) = (session.vfs(), &session.cwd);
        let touched = match vfs.touch(cwd, path) {
            Err(Errno::ENOENT) if options.has('c') => Ok(()),
            Err(Errno::ENOENT) => {
                vfs.open(cwd, path, OpenFlags::WRITE | OpenFlags::CREATE).and_then(|file| vfs.close(file))
            }
            touched => touched,
        };
        if let Err(error) = touched {
            session.fail(COMMAND.name, path, error);
        }
    }
}
