//! `df`: used and free space of file systems, in the format of df(1).

use vfs::{Mount, Statistics};

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "df",
    usage: "df [FILE...]",
    summary: "show used and free space of file systems, in KiB",
    syntax: Syntax::at_least(0),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    session.print(format_args!("Filesystem     1K-blocks       Used  Available Use% Mounted on\n"));
    if options.operands.is_empty() {
        session.vfs().for_each_mount(|mount, path| {
            let room = mount.filesystem.statistics();
            // File systems with generated contents, such as /proc, have no blocks.
            if room.total_blocks > 0 {
                show(session, mount, path, &room);
            }
        });
    }
    for path in &options.operands {
        match session.vfs().statistics(&session.cwd, path) {
            Ok((own, room)) => session.vfs().for_each_mount(|mount, path| {
                if core::ptr::addr_eq(mount.filesystem, own.filesystem) {
                    show(session, mount, path, &room);
                }
            }),
            Err(error) => session.fail(COMMAND.name, path, error),
        }
    }
}

fn show(session: &mut Session, mount: &Mount, path: &str, room: &Statistics) {
    let kib = |blocks: u64| u128::from(blocks).saturating_mul(u128::from(room.block_bytes)) / 1024;
    let used = room.total_blocks.saturating_sub(room.free_blocks);
    // Rounded up, so that only an empty file system shows 0 %.
    let percent = (u128::from(used) * 100).div_ceil(u128::from(room.total_blocks.max(1)));
    session.print(format_args!(
        "{:<14} {:>9} {:>10} {:>10} {percent:>3}% {}\n",
        mount.source,
        kib(room.total_blocks),
        kib(used),
        kib(room.free_blocks),
        session.shown(path)
    ));
}
