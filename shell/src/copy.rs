//! Copying files and trees, for `cp` and for `mv` to another file system.

use arrayvec::ArrayVec;
use vfs::{Errno, FileDescriptor, Kind, MAX_DEPTH, OpenFlags, PathBuffer, Result};

use crate::gathered::Gathered;
use crate::paths::{parent, push_name};
use crate::session::{Session, write_all};
use crate::source::{PIECE_BYTES, Source};

/// Copies a file, or the target of a link, and reports a failure.
pub(crate) fn copy_file(session: &mut Session, command: &str, from: &str, to: &str) {
    match is_same_file(session, from, to) {
        Ok(false) => {}
        Ok(true) => {
            return session.report_failure(format_args!("{command}: {from} and {to} are the same file"));
        }
        Err(error) => return session.fail(command, from, error),
    }
    let file = match session.open(from) {
        Ok(file) => file,
        Err(error) => return session.fail(command, from, error),
    };
    let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
    match session.vfs().open(&session.cwd, to, flags) {
        Ok(copy) => {
            let result = copy_bytes(session, command, from, file, copy);
            if let Err(error) = result.and(session.vfs().close(copy)) {
                session.fail(command, to, error);
            }
        }
        Err(error) => session.fail(command, to, error),
    }
    session.close_source(Source::File(file));
}

/// Returns an error of writing the copy; reports an error of reading the original itself.
fn copy_bytes(
    session: &mut Session,
    command: &str,
    from: &str,
    file: FileDescriptor,
    copy: FileDescriptor,
) -> Result<()> {
    let (mut piece, mut gathered) = ([0; PIECE_BYTES], Gathered::new());
    let vfs = session.vfs();
    loop {
        match session.next_piece(Source::File(file), &mut piece) {
            Ok(Some(bytes)) => gathered.add(bytes, |bytes| write_all(vfs, copy, bytes))?,
            Ok(None) => return gathered.finish(|bytes| write_all(vfs, copy, bytes)),
            Err(error) => {
                session.fail(command, from, error);
                return Ok(());
            }
        }
    }
}

fn is_same_file(session: &Session, from: &str, to: &str) -> Result<bool> {
    let (vfs, cwd) = (session.vfs(), &session.cwd);
    let from = (vfs.metadata(cwd, from)?.inode, vfs.statistics(cwd, from)?.0);
    let Ok(to) = vfs.metadata(cwd, to).and_then(|metadata| Ok((metadata.inode, vfs.statistics(cwd, to)?.0)))
    else {
        return Ok(false);
    };
    Ok(from.0 == to.0 && core::ptr::addr_eq(from.1.filesystem, to.1.filesystem))
}

/// Copies a tree; links stay links. Stops at the first failure and reports it.
pub(crate) fn copy_tree(session: &mut Session, command: &str, from: &mut PathBuffer, to: &mut PathBuffer) {
    let mut open = ArrayVec::new();
    let mut result = check_not_inside(session, from, to);
    if result.is_ok() {
        result = copy_entry(session, command, from, to, &mut open);
    }
    while result.is_ok()
        && !session.has_failed()
        && !session.is_interrupted()
        && let Some(level) = open.last()
    {
        let Level { directory, from_length, to_length } = *level;
        from.truncate(from_length);
        to.truncate(to_length);
        result = match session.vfs().read_directory(directory) {
            Ok(Some(entry)) => push_name(from, &entry.name)
                .and_then(|()| push_name(to, &entry.name))
                .and_then(|()| copy_entry(session, command, from, to, &mut open)),
            Ok(None) => {
                open.pop();
                session.vfs().close(directory)
            }
            Err(error) => Err(error),
        };
    }
    for level in open {
        session.close_source(Source::File(level.directory));
    }
    if let Err(error) = result {
        session.fail(command, from, error);
    }
}

/// A directory that is being copied, and the lengths of both paths up to it.
struct Level {
    directory: FileDescriptor,
    from_length: usize,
    to_length: usize,
}

/// Copies a file or a link, or makes a directory and opens the original. Reports a failure to make the copy itself.
fn copy_entry(
    session: &mut Session,
    command: &str,
    from: &str,
    to: &str,
    open: &mut ArrayVec<Level, MAX_DEPTH>,
) -> Result<()> {
    let vfs = session.vfs();
    let made = match vfs.link_metadata(&session.cwd, from)?.kind {
        Kind::Directory => {
            let directory = session.open(from)?;
            let level = Level { directory, from_length: from.len(), to_length: to.len() };
            // From here on it is closed with the others.
            open.try_push(level).map_err(|_| Errno::ENAMETOOLONG)?;
            match vfs.make_directory(&session.cwd, to) {
                Err(Errno::EEXIST) if session.is_directory(to) => Ok(()),
                made => made,
            }
        }
        Kind::Link => {
            let target = vfs.read_link(&session.cwd, from)?;
            vfs.make_link(&session.cwd, &target, to)
        }
        Kind::File | Kind::Device => {
            copy_file(session, command, from, to);
            Ok(())
        }
    };
    if let Err(error) = made {
        session.fail(command, to, error);
    }
    Ok(())
}

/// Refuses to copy a directory into itself, which would never end.
fn check_not_inside(session: &Session, from: &str, to: &str) -> Result<()> {
    let (vfs, cwd) = (session.vfs(), &session.cwd);
    if vfs.link_metadata(cwd, from)?.kind != Kind::Directory {
        return Ok(());
    }
    let (from, to) = (vfs.canonical_directory(cwd, from)?, vfs.canonical_directory(cwd, parent(to))?);
    let rest = to.strip_prefix(from.as_str());
    let is_inside = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || from.ends_with('/'));
    if is_inside { Err(Errno::EINVAL) } else { Ok(()) }
}
