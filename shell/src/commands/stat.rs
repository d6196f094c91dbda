//! `stat`: shows the metadata of files.

use vfs::{Kind, Result};

use super::ls::Mode;
use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;
use calendar::Date;

pub(super) const COMMAND: Command = Command {
    name: "stat",
    usage: "stat FILE...",
    summary: "show the metadata of files",
    syntax: Syntax::at_least(1),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    for path in &options.operands {
        if let Err(error) = show(session, path) {
            session.fail(COMMAND.name, path, error);
        }
    }
}

fn show(session: &mut Session, path: &str) -> Result<()> {
    let metadata = session.vfs().link_metadata(&session.cwd, path)?;
    let kind = match metadata.kind {
        Kind::Directory => "directory",
        Kind::File => "regular file",
        Kind::Link => "symbolic link",
        Kind::Device => "character device",
    };
    session.print(format_args!("  File: {}", session.shown(path)));
    if metadata.kind == Kind::Link {
        let target = session.vfs().read_link(&session.cwd, path)?;
        session.print(format_args!(" -> {}", session.shown(&target)));
    }
    session.print(format_args!(
        "\n  Size: {:<15} Blocks: {:<10} {kind}\n Inode: {:<15} Links: {}\n",
        metadata.size_bytes, metadata.blocks_512, metadata.inode.0, metadata.links
    ));
    session.print(format_args!(
        "  Mode: {:04o}/{}  Uid: {}  Gid: {}\nModify: {} UTC\n",
        metadata.mode,
        Mode(&metadata),
        metadata.uid,
        metadata.gid,
        Date(metadata.modified_ns / 1_000_000_000)
    ));
    Ok(())
}
