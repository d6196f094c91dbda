//! `grep`: lines that match a pattern. See `text` for what a pattern is.

use vfs::{Errno, Result};

use crate::command::Command;
use crate::options::Options;
use crate::pipe::Pipe;
use crate::session::{FAILED, MISUSED, Session};
use crate::source::{PIECE_BYTES, Source};
use crate::syntax::Syntax;
use crate::text::{Matcher, Pattern};

pub(super) const COMMAND: Command = Command {
    name: "grep",
    usage: "grep [-vcilnqsxF] PATTERN [FILE...]",
    summary: "write matching lines; -v: those that do not match, -c: only their number, -l: only file names, -q: nothing, \
              -i: ignore case, -n: with line numbers, -x: match whole lines, -s: no error messages, -F: plain text, \
              no pattern",
    syntax: Syntax::at_least(1).flags("vcilnqsxF"),
    run,
};

/// What to look for, and how to report it.
struct Search<'a> {
    options: &'a Options<'a>,
    pattern: &'a Pattern,
    /// The file's name, which is written before each line if there are several files.
    name: Option<&'a str>,
}

fn run(session: &mut Session, options: &Options<'_>) {
    let Some((pattern, paths)) = options.operands.split_first() else { return };
    let parsed = if options.has('F') { Pattern::literal(pattern) } else { Pattern::new(pattern) };
    let pattern = match parsed {
        Ok(pattern) => pattern,
        Err(error) => {
            session.status = MISUSED;
            return session.report_failure(format_args!("grep: {pattern}: {error}"));
        }
    };
    let pattern = if options.has('i') { pattern.folded() } else { pattern };
    let pattern = if options.has('x') { pattern.of_whole_lines() } else { pattern };
    let mut found: u64 = 0;
    let mut search_all = |session: &mut Session| {
        session.for_each_input(COMMAND.name, paths, |session, path, source| {
            if found > 0 && options.has('q') {
                return Ok(());
            }
            let name = (paths.len() > 1 || options.has('l')).then_some(path);
            let search = Search { options, pattern: &pattern, name };
            found = found.saturating_add(search.run(session, source)?);
            Ok(())
        });
    };
    if options.has('s') {
        session.without_messages(search_all);
    } else {
        search_all(session);
    }
    // The exit status of grep(1), for `&&` and `||`.
    session.status = match (found, session.has_failed()) {
        (1.., _) if options.has('q') => 0,
        (_, true) => MISUSED,
        (0, false) => FAILED,
        (1.., false) => 0,
    };
}

impl Search<'_> {
    /// Searches all lines, and returns how many were found.
    fn run(&self, session: &mut Session, source: Source) -> Result<u64> {
        let mut piece = [0; PIECE_BYTES];
        let mut matcher = Matcher::new(self.pattern);
        // The current line, which may be longer than any buffer.
        let mut line = Pipe::new(session.host.pages());
        let (mut number, mut found, mut is_line_open) = (1_u64, 0_u64, false);
        while let Some(bytes) = session.next_piece(source, &mut piece)? {
            let mut unread = bytes.len();
            for part in bytes.split_inclusive(|byte| *byte == b'\n') {
                unread = unread.saturating_sub(part.len());
                let text = part.strip_suffix(b"\n");
                matcher.feed(text.unwrap_or(part));
                is_line_open = text.is_none();
                if self.writes_lines() {
                    line.push(text.unwrap_or(part)).map_err(|_| Errno::ENOMEM)?;
                }
                if !is_line_open {
                    let is_found = self.end_line(session, &mut matcher, &mut line, number);
                    found = found.saturating_add(is_found.into());
                    number = number.saturating_add(1);
                    if is_found && self.ends_with_first() {
                        session.give_back(source, unread)?;
                        return Ok(self.end(session, found));
                    }
                }
            }
        }
        // After Ctrl-C a partial line or count would look like a complete one.
        if session.is_interrupted() {
            return Ok(found);
        }
        if is_line_open {
            let is_found = self.end_line(session, &mut matcher, &mut line, number);
            found = found.saturating_add(is_found.into());
        }
        Ok(self.end(session, found))
    }

    fn writes_lines(&self) -> bool {
        !['c', 'l', 'q'].iter().any(|letter| self.options.has(*letter))
    }

    /// Whether the search can stop at the first line found.
    fn ends_with_first(&self) -> bool {
        self.options.has('q') || self.options.has('l')
    }

    /// Writes the summary of an input in which `found` lines were found.
    fn end(&self, session: &mut Session, found: u64) -> u64 {
        if self.options.has('q') {
            return found;
        }
        if let Some(name) = self.name.filter(|_| self.options.has('l')) {
            if found > 0 {
                let name = if name == "-" { "(standard input)" } else { name };
                session.print(format_args!("{}\n", session.shown(name)));
            }
        } else if self.options.has('c') {
            self.write_name(session);
            session.print(format_args!("{found}\n"));
        }
        found
    }

    /// Writes the line if it is to be shown; true if it was found.
    fn end_line(
        &self,
        session: &mut Session,
        matcher: &mut Matcher<'_>,
        line: &mut Pipe,
        number: u64,
    ) -> bool {
        let is_found = matcher.end() != self.options.has('v');
        if is_found && self.writes_lines() {
            self.write_name(session);
            if self.options.has('n') {
                session.print(format_args!("{number}:"));
            }
            let mut piece = [0; PIECE_BYTES];
            while let bytes @ [_, ..] = line.read_piece(&mut piece) {
                session.write_bytes(bytes);
            }
            session.write_bytes(b"\n");
        }
        line.clear();
        is_found
    }

    fn write_name(&self, session: &mut Session) {
        if let Some(name) = self.name {
            session.print(format_args!("{}:", session.shown(name)));
        }
    }
}
