//! `ls`: the names in a directory.

use shell::Command;
use vfs::{Kind, Metadata, Result};

use super::Session;

pub(super) const COMMAND: Command<Session> =
    Command { name: "ls", usage: "ls [-l] [PATH...]", summary: "list directories", run };

/// How much is said of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Short,
    Long,
}

fn run(session: &mut Session, words: &[&str]) {
    let mut form = Form::Short;
    let mut listed = 0;
    for word in words {
        match *word {
            "-l" => form = Form::Long,
            option if option.starts_with('-') && option.len() > 1 => {
                return session.print(format_args!("usage: {}\n", COMMAND.usage));
            }
            _ => {}
        }
    }
    for path in words.iter().filter(|word| !word.starts_with('-')) {
        listed += 1;
        if let Err(error) = list(session, path, form) {
            session.fail("ls", path, error);
        }
    }
    if listed == 0
        && let Err(error) = list(session, ".", form)
    {
        session.fail("ls", ".", error);
    }
}

fn list(session: &mut Session, path: &str, form: Form) -> Result<()> {
    let metadata = session.vfs().metadata(&session.cwd, path)?;
    if metadata.kind != Kind::Directory {
        show(session, path, &metadata, form);
        return Ok(());
    }
    let directory = session.vfs().canonical_directory(&session.cwd, path)?;
    let descriptor = session.open(path)?;
    let result = loop {
        match session.vfs().read_directory(descriptor) {
            // An entry that went away meanwhile is passed over.
            Ok(Some(entry)) => {
                if let Ok(metadata) = session.vfs().metadata(&directory, &entry.name) {
                    show(session, &entry.name, &metadata, form);
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    session.vfs().close(descriptor)?;
    result
}

fn show(session: &mut Session, name: &str, metadata: &Metadata, form: Form) {
    let (letter, colour, end) = match metadata.kind {
        Kind::Directory => ('d', "\x1b[1;34m", "\x1b[0m"),
        Kind::File => ('-', "", ""),
        Kind::Link => ('l', "\x1b[1;36m", "\x1b[0m"),
        Kind::Device => ('c', "\x1b[1;33m", "\x1b[0m"),
    };
    if form == Form::Long {
        let bit = |at: u16, letter: char| if metadata.mode >> at & 1 != 0 { letter } else { '-' };
        session.print(format_args!("{letter}"));
        for at in (0..9).rev() {
            session.print(format_args!("{}", bit(at, ['x', 'w', 'r'][usize::from(at) % 3])));
        }
        session.print(format_args!(" {:3} {:10} ", metadata.links, metadata.size_bytes));
    }
    session.print(format_args!("{colour}{}{end}\n", name.escape_debug()));
}
