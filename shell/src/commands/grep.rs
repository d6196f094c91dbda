//! `grep`: lines that match a pattern. See `text` for what a pattern is.

use vfs::{Errno, Result};

use crate::command::Command;
use crate::options::Options;
use crate::pipe::Pipe;
use crate::session::Session;
use crate::source::{PIECE_BYTES, Source};
use crate::syntax::Syntax;
use crate::text::{Matcher, Pattern};

pub(super) const COMMAND: Command = Command {
    name: "grep",
    usage: "grep [-vcinF] PATTERN [FILE...]",
    summary: "write lines that match; -v: those that don't, -c: how many, -F: no . * ^ $",
    syntax: Syntax::at_least(1).flags("vcinF"),
    run,
};

/// What is done with a line.
struct Search<'a> {
    options: &'a Options<'a>,
    pattern: &'a Pattern,
    /// What stands before each line: the file's name, if there are several.
    name: Option<&'a str>,
}

fn run(session: &mut Session, options: &Options<'_>) {
    let Some((pattern, paths)) = options.operands.split_first() else { return };
    let parsed = if options.has('F') { Pattern::literal(pattern) } else { Pattern::new(pattern) };
    let pattern = match parsed {
        Ok(pattern) if options.has('i') => pattern.folded(),
        Ok(pattern) => pattern,
        Err(error) => {
            return session.report_failure(format_args!("grep: {pattern}: {error}"));
        }
    };
    let mut found: u64 = 0;
    session.for_each_input(COMMAND.name, paths, |session, path, source| {
        let name = (paths.len() > 1).then_some(path);
        let search = Search { options, pattern: &pattern, name };
        found = found.saturating_add(search.run(session, source)?);
        Ok(())
    });
    // As grep(1) tells it to `&&` and `||`.
    if found == 0 {
        session.set_failed(true);
    }
}

impl Search<'_> {
    /// Looks at all lines, and says how many were found.
    fn run(&self, session: &mut Session, source: Source) -> Result<u64> {
        let mut piece = [0; PIECE_BYTES];
        let mut matcher = Matcher::new(self.pattern);
        // The line so far: it may be longer than any buffer.
        let mut line = Pipe::new(session.host.pages());
        let (mut number, mut found, mut is_line_open) = (1_u64, 0_u64, false);
        while let Some(bytes) = session.next_piece(source, &mut piece)? {
            for part in bytes.split_inclusive(|byte| *byte == b'\n') {
                let text = part.strip_suffix(b"\n");
                matcher.feed(text.unwrap_or(part));
                is_line_open = text.is_none();
                if !self.options.has('c') {
                    line.push(text.unwrap_or(part)).map_err(|_| Errno::ENOMEM)?;
                }
                if !is_line_open {
                    let is_found = self.end_line(session, &mut matcher, &mut line, number);
                    found = found.saturating_add(is_found.into());
                    number = number.saturating_add(1);
                }
            }
        }
        // Half of a line, or of a count, would be taken for the whole.
        if session.is_interrupted() {
            return Ok(found);
        }
        if is_line_open {
            let is_found = self.end_line(session, &mut matcher, &mut line, number);
            found = found.saturating_add(is_found.into());
        }
        if self.options.has('c') {
            self.write_name(session);
            session.print(format_args!("{found}\n"));
        }
        Ok(found)
    }

    /// Writes the line if it is one of those wanted.
    fn end_line(
        &self,
        session: &mut Session,
        matcher: &mut Matcher<'_>,
        line: &mut Pipe,
        number: u64,
    ) -> bool {
        let is_found = matcher.end() != self.options.has('v');
        if is_found && !self.options.has('c') {
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
