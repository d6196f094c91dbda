//! `mount`: what is mounted where.

use vfs::MountOptions;

use crate::command::Command;
use crate::session::Session;

pub(super) const COMMAND: Command =
    Command { name: "mount", usage: "mount", summary: "show what is mounted where", run };

fn run(session: &mut Session, words: &[&str]) {
    if !words.is_empty() {
        return session.show_usage(&COMMAND);
    }
    session.vfs().for_each_mount(|mount, path| {
        let options = match mount.options {
            MountOptions::ReadWrite => "rw",
            MountOptions::ReadOnly => "ro",
        };
        let kind = mount.filesystem.type_name();
        session.print(format_args!("{} on {path} type {kind} ({options})\n", mount.source));
    });
}
