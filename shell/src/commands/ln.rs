//! `ln`: symbolic links, the only ones that there are.

use crate::command::Command;
use crate::options::Options;
use crate::paths;
use crate::session::Session;

pub(super) const COMMAND: Command =
    Command { name: "ln", usage: "ln -s TARGET [LINK]", summary: "make a symbolic link", run };

fn run(session: &mut Session, words: &[&str]) {
    let options = Options::parse(words, "s", None).filter(|options| options.has('s'));
    let (target, link) = match options.as_ref().map(|options| options.operands.as_slice()) {
        Some([target]) => (*target, "."),
        Some([target, link]) => (*target, *link),
        _ => return session.show_usage(&COMMAND),
    };
    let made = paths::target(session, target, link)
        .and_then(|path| session.vfs().make_link(&session.cwd, target, &path));
    if let Err(error) = made {
        session.fail(COMMAND.name, link, error);
    }
}
