//! `ln`: symbolic links, the only ones that there are.

use crate::command::Command;
use crate::options::Options;
use crate::paths;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "ln",
    usage: "ln -s TARGET [LINK]",
    summary: "make a symbolic link",
    syntax: Syntax::operands(1, 2).flags("s"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let (target, link) = match options.operands.as_slice() {
        [target] if options.has('s') => (*target, "."),
        [target, link] if options.has('s') => (*target, *link),
        _ => return session.show_usage(&COMMAND),
    };
    let made = paths::target(session, target, link)
        .and_then(|path| session.vfs().make_link(&session.cwd, target, &path));
    if let Err(error) = made {
        session.fail(COMMAND.name, link, error);
    }
}
