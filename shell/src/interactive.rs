//! The interactive shell: writes the prompt, edits the line that is typed, and runs it.

use core::fmt;

use crate::edited_line::MAX_LINE_BYTES;
use crate::host::Host;
use crate::line_editor::{Event, LineEditor};
use crate::parser::Line;
use crate::session::Session;

/// A session whose lines come from a line editor.
pub struct Shell<'a> {
    session: Session,
    // Borrowed, as both are too large for a kernel's stack.
    editor: &'a mut LineEditor,
    line: &'a mut Line,
    /// Dropped bytes that were reported so far.
    dropped_bytes: u64,
}

impl<'a> Shell<'a> {
    /// Starts a shell, and writes its first prompt.
    pub fn start(session: Session, editor: &'a mut LineEditor, line: &'a mut Line) -> Self {
        session.prompt();
        Self { session, editor, line, dropped_bytes: 0 }
    }

    /// Takes a typed byte; the byte that ends a line runs it.
    pub fn feed(&mut self, byte: u8) {
        let mut console = Console(self.session.host);
        // Writing to the console does not fail.
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

    /// The exit status of the last command: 0 for success, 1 for a failure, 2 for wrong usage, 127 for an unknown
    /// command.
    pub fn status(&self) -> u8 {
        self.session.status
    }

    /// Parses the line and runs it, or reports why it cannot run.
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
