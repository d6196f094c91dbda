//! `mount`: lists the mounted file systems.

use vfs::MountOptions;

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "mount",
    usage: "mount",
    summary: "show the mounted file systems",
    syntax: Syntax::NOTHING,
    run,
};

fn run(session: &mut Session, _: &Options<'_>) {
    session.vfs().for_each_mount(|mount, path| {
        let options = match mount.options {
            MountOptions::ReadWrite => "rw",
            MountOptions::ReadOnly => "ro",
        };
        let kind = mount.filesystem.type_name();
        session.print(format_args!("{} on {} type {kind} ({options})\n", mount.source, session.shown(path)));
    });
}
