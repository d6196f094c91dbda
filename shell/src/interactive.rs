//! The shell as a person meets it: a prompt, a line that is typed, and what it does.

use core::fmt;

use crate::edited_line::MAX_LINE_BYTES;
use crate::host::Host;
use crate::line_editor::{Event, LineEditor};
use crate::parser::Line;
use crate::session::Session;

/// A session with a line editor before it.
pub struct Shell<'a> {
    session: Session,
    // Lent, as both are too large for a kernel's stack.
    editor: &'a mut LineEditor,
    line: &'a mut Line,
    /// Bytes that were lost, as far as that was told.
    dropped_bytes: u64,
}

impl<'a> Shell<'a> {
    /// A shell, with its first prompt written.
    pub fn start(session: Session, editor: &'a mut LineEditor, line: &'a mut Line) -> Self {
        session.prompt();
        Self { session, editor, line, dropped_bytes: 0 }
    }

    /// Takes a typed byte; the one that ends a line runs it.
    pub fn feed(&mut self, byte: u8) {
        let mut console = Console(self.session.host);
        // The console takes everything.
        match self.editor.feed(byte, &mut console).unwrap_or(Event::None) {
            Event::None => {}
            Event::Line => {
                self.run_line();
                self.report_dropped_bytes();
                self.session.prompt();
            }
            Event::TooLong { excess_characters } => {
                self.session.print(format_args!(
                    "line too long by {excess_characters} characters (limit {MAX_LINE_BYTES} bytes); nothing was run\n"
                ));
                self.session.prompt();
            }
            Event::Interrupt => self.session.prompt(),
            Event::Clear => {
                self.session.prompt();
                let _ = self.editor.redraw(&mut console);
            }
        }
    }

    /// The exit status of the last command: 0 if it succeeded, 2 if it was given what it does not take, 127 if there is
    /// none of its name.
    pub fn status(&self) -> u8 {
        self.session.status
    }

    /// Parses the line and runs it, or says why nothing of it can be run.
    fn run_line(&mut self) {
        match self.line.parse(self.editor.line()) {
            Ok(()) => self.session.run_line(self.line),
            Err(error) => self.session.report_failure(format_args!("shell: {error}")),
        }
    }

    fn report_dropped_bytes(&mut self) {
        let dropped = self.session.host.dropped_bytes();
        let more = dropped.saturating_sub(self.dropped_bytes);
        if more > 0 {
            log::warn!("input: {more} bytes came too fast and were dropped");
            self.dropped_bytes = dropped;
        }
    }
}

/// The console, for the editor's echo.
struct Console(&'static dyn Host);

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_bytes(text.as_bytes());
        Ok(())
    }
}
