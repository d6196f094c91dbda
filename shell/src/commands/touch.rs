//! `touch`: makes files, or sets when they changed to now.

use vfs::{Errno, OpenFlags};

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;

pub(super) const COMMAND: Command =
    Command { name: "touch", usage: "touch FILE...", summary: "make files, or set their time to now", run };

fn run(session: &mut Session, words: &[&str]) {
    let options = Options::parse(words, "", None).filter(|options| !options.operands.is_empty());
    let Some(options) = options else { return session.show_usage(&COMMAND) };
    for path in &options.operands {
        let (vfs, cwd) = (session.vfs(), &session.cwd);
        let touched = match vfs.touch(cwd, path) {
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
