//! `ls`: lists the names in a directory, sorted.

use core::fmt;

use vfs::{Kind, Metadata, NAME_MAX, Result, SeekFrom};

use crate::command::Command;
use crate::options::Options;
use crate::scratch::Scratch;
use crate::session::Session;
use crate::syntax::Syntax;
use calendar::Date;

pub(super) const COMMAND: Command = Command {
    name: "ls",
    usage: "ls [-laAd1] [PATH...]",
    summary: "list directories; -l: long format, -a: with names that begin with a dot, -A: without . and .., -d: not their \
              contents, -1: one name per line, as always",
    syntax: Syntax::at_least(0).flags("laAd1"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let paths = if options.operands.is_empty() { &["."] } else { options.operands.as_slice() };
    for (number, path) in paths.iter().enumerate() {
        if paths.len() > 1 && !options.has('d') && session.is_directory(path) {
            let blank = if number == 0 { "" } else { "\n" };
            session.print(format_args!("{blank}{}:\n", session.shown(path)));
        }
        if let Err(error) = list(session, options, path) {
            session.fail(COMMAND.name, path, error);
        }
        if session.is_interrupted() {
            return;
        }
    }
}

/// A name padded with zeros. No name has a zero byte, so padded names sort as the names do.
type PaddedName = [u8; NAME_MAX + 1];

fn list(session: &mut Session, options: &Options<'_>, path: &str) -> Result<()> {
    let (vfs, cwd) = (session.vfs(), session.cwd);
    let metadata = vfs.link_metadata(&cwd, path)?;
    let is_link_shown = metadata.kind == Kind::Link && options.has('l');
    if is_link_shown || options.has('d') || !session.is_directory(path) {
        show(session, options, &cwd, path);
        return Ok(());
    }
    let directory = vfs.canonical_directory(&cwd, path)?;
    if options.has('a') {
        show(session, options, &directory, ".");
        show(session, options, &directory, "..");
    }
    let descriptor = session.open(path)?;
    let listed = count_entries(session, descriptor).and_then(|count| {
        vfs.seek(descriptor, SeekFrom::Start(0))?;
        let names = Scratch::new(session.host.buffers(), count).ok();
        list_entries(session, options, descriptor, &directory, names)
    });
    vfs.close(descriptor)?;
    listed
}

fn count_entries(session: &Session, directory: vfs::FileDescriptor) -> Result<usize> {
    let mut count: usize = 0;
    while session.vfs().read_directory(directory)?.is_some() {
        count = count.saturating_add(1);
    }
    Ok(count)
}

/// Lists a directory sorted by name, or in its own order where there is no memory to sort in.
fn list_entries(
    session: &mut Session,
    options: &Options<'_>,
    descriptor: vfs::FileDescriptor,
    directory: &str,
    mut names: Option<Scratch<PaddedName>>,
) -> Result<()> {
    let mut slots = names.as_mut().map(|names| names.as_mut_slice().iter_mut());
    while let Some(entry) = session.vfs().read_directory(descriptor)? {
        if entry.name.starts_with('.') && !options.has('a') && !options.has('A') {
            continue;
        }
        match slots.as_mut().map(Iterator::next) {
            Some(Some(slot)) => {
                for (byte, own) in slot.iter_mut().zip(entry.name.bytes()) {
                    *byte = own;
                }
            }
            // Created since the names were counted.
            Some(None) => {}
            None => show(session, options, directory, &entry.name),
        }
        if session.is_interrupted() {
            return Ok(());
        }
    }
    if let Some(names) = &mut names {
        let names = names.as_mut_slice();
        names.sort_unstable();
        // Slots of hidden names, and of names removed since the count, are empty.
        for name in names.iter().map(text_of).filter(|name| !name.is_empty()) {
            show(session, options, directory, name);
            if session.is_interrupted() {
                break;
            }
        }
    }
    Ok(())
}

fn text_of(name: &PaddedName) -> &str {
    let text = name.split(|byte| *byte == 0).next().unwrap_or_default();
    str::from_utf8(text).unwrap_or_default()
}

/// Shows an entry. One that was removed meanwhile is skipped.
fn show(session: &mut Session, options: &Options<'_>, directory: &str, name: &str) {
    let Ok(metadata) = session.vfs().link_metadata(directory, name) else { return };
    if options.has('l') {
        session.print(format_args!(
            "{} {:3} {} {} {:10} {} ",
            Mode(&metadata),
            metadata.links,
            metadata.uid,
            metadata.gid,
            metadata.size_bytes,
            Date(metadata.modified_ns / 1_000_000_000)
        ));
    }
    let colour = match metadata.kind {
        _ if !session.is_on_console() => "",
        Kind::Directory => "\x1b[1;34m",
        Kind::Link => "\x1b[1;36m",
        Kind::Device => "\x1b[1;33m",
        Kind::File => "",
    };
    let end = if colour.is_empty() { "" } else { "\x1b[0m" };
    session.print(format_args!("{colour}{}{end}", session.shown(name)));
    if options.has('l')
        && metadata.kind == Kind::Link
        && let Ok(target) = session.vfs().read_link(directory, name)
    {
        session.print(format_args!(" -> {}", session.shown(&target)));
    }
    session.print(format_args!("\n"));
}

/// Kind and permissions, as in `drwxr-xr-x`.
pub(super) struct Mode<'a>(pub(super) &'a Metadata);

impl fmt::Display for Mode<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.0.kind {
            Kind::Directory => "d",
            Kind::File => "-",
            Kind::Link => "l",
            Kind::Device => "c",
        })?;
        for (bit, letter) in (0..9).rev().zip("rwxrwxrwx".chars()) {
            let is_set = self.0.mode >> bit & 1 != 0;
            write!(out, "{}", if is_set { letter } else { '-' })?;
        }
        Ok(())
    }
}
