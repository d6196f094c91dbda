//! The line discipline of `/dev/console`: echo, corrections, end of file, interrupt.
//!
//! This is canonical mode, with the usual keys: return, backspace, Ctrl-U, Ctrl-C and Ctrl-D. Source: IEEE Std
//! 1003.1-2017, chapter 11 (general terminal interface). The line itself is an [`EditedLine`], as in the shell.

use core::fmt::{self, Write};

use crate::edited_line::{BACKSPACE, CONTROL_C, CONTROL_U, DELETE, Decoder, EditedLine};

const CONTROL_D: u8 = 4;
/// Written for a byte that is not accepted.
const BELL: &str = "\x07";

/// The result of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedEvent {
    /// Nothing to read yet.
    None,
    /// There is something to read.
    Line,
    /// The end of the file.
    End,
    /// Ctrl-C: the reader should stop.
    Interrupt,
}

/// The line being typed; once complete, the part of it that was not read yet.
#[derive(Debug)]
pub struct TypedLine {
    line: EditedLine,
    decoder: Decoder,
    /// The end of a complete line: a newline, or nothing after Ctrl-D.
    end: Option<&'static str>,
    /// Bytes of the complete line that were read.
    taken_bytes: usize,
}

impl TypedLine {
    /// An empty line.
    pub const fn new() -> Self {
        Self { line: EditedLine::new(), decoder: Decoder::new(), end: None, taken_bytes: 0 }
    }

    /// Whether there is something to read.
    pub fn has_line(&self) -> bool {
        self.end.is_some()
    }

    /// Moves bytes of a complete line to `target`, and returns their number.
    pub fn take(&mut self, target: &mut [u8]) -> usize {
        let Some(end) = self.end else { return 0 };
        let mut left = self.line.text().bytes().chain(end.bytes()).skip(self.taken_bytes);
        let mut count: usize = 0;
        for (slot, byte) in target.iter_mut().zip(&mut left) {
            *slot = byte;
            count = count.saturating_add(1);
        }
        if left.next().is_none() {
            self.start_over();
        } else {
            self.taken_bytes = self.taken_bytes.saturating_add(count);
        }
        count
    }

    /// Takes a typed byte, and echoes it to `out`. While a complete line waits to be read, bytes are refused with a bell.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn feed(&mut self, byte: u8, out: &mut dyn Write) -> Result<TypedEvent, fmt::Error> {
        if self.has_line() {
            out.write_str(BELL)?;
            return Ok(TypedEvent::Line);
        }
        match byte {
            b'\r' | b'\n' => {
                self.end = Some("\n");
                out.write_str("\n")?;
                return Ok(TypedEvent::Line);
            }
            CONTROL_C => {
                self.start_over();
                out.write_str("^C\n")?;
                return Ok(TypedEvent::Interrupt);
            }
            CONTROL_D if self.line.text().is_empty() => return Ok(TypedEvent::End),
            CONTROL_D => {
                self.end = Some("");
                return Ok(TypedEvent::Line);
            }
            BACKSPACE | DELETE => self.line.delete_before(out)?,
            CONTROL_U => self.line.replace("", out)?,
            _ => self.feed_text(byte, out)?,
        }
        Ok(TypedEvent::None)
    }

    fn feed_text(&mut self, byte: u8, out: &mut dyn Write) -> fmt::Result {
        let character = self.decoder.feed(byte);
        if self.decoder.take_lost() {
            out.write_str(BELL)?;
        }
        // The character may be incomplete.
        let Some(character) = character else { return Ok(()) };
        let is_text = !character.is_control() || character == '\t';
        if is_text && self.line.insert(character, out)? { Ok(()) } else { out.write_str(BELL) }
    }

    fn start_over(&mut self) {
        self.line.clear();
        self.decoder.clear();
        (self.end, self.taken_bytes) = (None, 0);
    }
}

impl Default for TypedLine {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edited_line::MAX_LINE_BYTES;

    /// The longest line, with its end.
    const READ_BYTES: usize = MAX_LINE_BYTES + 1;

    fn typed(keys: &str) -> (TypedLine, TypedEvent, String) {
        let (mut line, mut echo, mut last) = (TypedLine::new(), String::new(), TypedEvent::None);
        for byte in keys.bytes() {
            last = line.feed(byte, &mut echo).unwrap();
        }
        (line, last, echo)
    }

    fn read(keys: &str) -> String {
        let mut buffer = [0; READ_BYTES];
        let count = typed(keys).0.take(&mut buffer);
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    #[test]
    fn line_is_read_when_it_ends_and_in_pieces() {
        let (mut line, event, echo) = typed("ab\r");
        assert_eq!((event, echo.as_str()), (TypedEvent::Line, "ab\n"));
        let mut piece = [0; 2];
        assert_eq!((line.take(&mut piece), piece, line.has_line()), (2, *b"ab", true));
        assert_eq!((line.take(&mut piece), piece[0], line.has_line()), (1, b'\n', false));
        assert_eq!(line.take(&mut piece), 0);
        assert_eq!(typed("ab").0.take(&mut piece), 0);
    }

    #[test]
    fn corrections_take_whole_characters_back() {
        assert_eq!(read("aä\x7fb\r"), "ab\n");
        assert_eq!(read("\x08x\x08\x08y\r"), "y\n");
        assert_eq!(read("all of it\x15new\r"), "new\n");
    }

    #[test]
    fn end_and_interrupt_are_reported() {
        assert_eq!(typed("\x04").1, TypedEvent::End);
        assert_eq!((typed("ab\x04").1, read("ab\x04").as_str()), (TypedEvent::Line, "ab"));
        let (line, event, echo) = typed("ab\x03");
        assert_eq!((event, line.has_line(), echo.as_str()), (TypedEvent::Interrupt, false, "ab^C\n"));
    }

    #[test]
    fn what_is_not_taken_rings_the_bell() {
        assert_eq!((typed("a\x01b").2.as_str(), read("a\x01b\r").as_str()), ("a\x07b", "ab\n"));
        assert_eq!((typed("a\tb").2.as_str(), read("a\tb\r").as_str()), ("a b", "a\tb\n"));
        for (bytes, expected) in [
            (&b"a\xe4b"[..], "a\x07b"),
            (b"a\xffb", "a\x07b"),
            (b"a\x80b", "a\x07b"),
            (b"a\xf0\x9f\xa6b", "a\x07b"),
            (b"a\xf0\x9f\xa6\x80b", "a\u{1f980}b"),
        ] {
            let (mut line, mut echo) = (TypedLine::new(), String::new());
            for byte in bytes {
                line.feed(*byte, &mut echo).unwrap();
            }
            assert_eq!(echo, expected, "{bytes:?}");
        }
    }

    #[test]
    fn line_that_is_too_long_still_ends() {
        let text = read(&format!("{}\r", "x".repeat(READ_BYTES + 100)));
        assert_eq!((text.len(), text.ends_with("x\n")), (READ_BYTES, true));
    }
}
