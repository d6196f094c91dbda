//! `cd`: changes the current directory.

use vfs::{PathBuffer, Result};

use crate::command::Command;
use crate::options::Options;
use crate::paths;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "cd",
    usage: "cd [-P] [DIRECTORY]",
    summary: "change the current directory, to / by default; -: to the previous one; -P: resolve links, as always",
    syntax: Syntax::operands(0, 1).flags("P"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let path = options.operands.first().copied().unwrap_or("/");
    let previous = session.previous_cwd;
    let wanted = if path == "-" { previous.as_str() } else { path };
    if wanted.is_empty() && path == "-" {
        return session.report_failure(format_args!("cd: -: no previous directory"));
    }
    let found = if wanted.starts_with('/') || session.is_cwd_there() {
        session.vfs().canonical_directory(&session.cwd, wanted)
    } else if let Some(found) = way_out(session, wanted) {
        found
    } else {
        return session.report_gone_cwd("cd");
    };
    match found {
        Ok(cwd) => {
            session.previous_cwd = core::mem::replace(&mut session.cwd, cwd);
            if path == "-" {
                session.print(format_args!("{}\n", session.shown(&cwd)));
            }
        }
        Err(error) => session.fail("cd", wanted, error),
    }
}

/// Resolves a path that begins with `..` from a current directory that no longer exists, by the text of that
/// directory's path. `..` alone leads to the nearest existing ancestor. `None` for other paths.
fn way_out(session: &Session, path: &str) -> Option<Result<PathBuffer>> {
    let cwd = session.cwd;
    let (mut from, mut rest) = (cwd.as_str(), path);
    let mut is_upwards = false;
    loop {
        rest = rest.trim_start_matches('/');
        let (name, behind) = rest.split_once('/').unwrap_or((rest, ""));
        match name {
            "." => {}
            ".." => (from, is_upwards) = (above(from), true),
            _ => break,
        }
        rest = behind;
    }
    if rest.is_empty() {
        rest = ".";
        while from != "/" && !session.is_directory(from) {
            from = above(from);
        }
    }
    is_upwards.then(|| session.vfs().canonical_directory(from, rest))
}

/// The parent of a directory, by the text of its path; the root is its own parent.
fn above(path: &str) -> &str {
    if path == "/" { path } else { paths::parent(path) }
}
