//! `ln`: makes symbolic links. There are no hard links.

use vfs::Errno;

use crate::command::Command;
use crate::options::Options;
use crate::paths;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "ln",
    usage: "ln -s [-f] TARGET [LINK]",
    summary: "make a symbolic link; -f: replace an existing file",
    syntax: Syntax::operands(1, 2).flags("sf"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let (target, link) = match options.operands.as_slice() {
        [target] if options.has('s') => (*target, "."),
        [target, link] if options.has('s') => (*target, *link),
        _ => return session.show_usage(&COMMAND),
    };
    let made = paths::target(session, target, link).and_then(|path| {
        let (vfs, cwd) = (session.vfs(), &session.cwd);
        match vfs.make_link(cwd, target, &path) {
            Err(Errno::EEXIST) if options.has('f') => {
                vfs.unlink(cwd, &path)?;
                vfs.make_link(cwd, target, &path)
            }
            made => made,
        }
    });
    if let Err(error) = made {
        session.fail(COMMAND.name, link, error);
    }
}
