//! A line as it is typed, for a program that reads the console: echo, corrections, end of file, interrupt.
//!
//! This is a terminal in its canonical mode, with the usual keys: return, backspace, Ctrl-U, Ctrl-C and Ctrl-D. Source:
//! IEEE Std 1003.1-2017, chapter 11 (general terminal interface).

use core::fmt;

use arrayvec::ArrayVec;

/// The longest line. What is typed beyond it is not taken.
const MOST_LINE_BYTES: usize = 1024;

const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BELL: &str = "\x07";
const BACKSPACE: u8 = 8;
const KILL: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// What a byte led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Nothing to read yet.
    None,
    /// There is something to read.
    Line,
    /// The end of the file.
    End,
    /// The reader shall stop.
    Interrupt,
}

/// The line that is typed, and after its end what of it was not read yet.
#[derive(Debug)]
pub(crate) struct TypedLine {
    bytes: ArrayVec<u8, MOST_LINE_BYTES>,
    is_whole: bool,
}

impl TypedLine {
    /// Nothing typed.
    pub(crate) const fn new() -> Self {
        Self { bytes: ArrayVec::new_const(), is_whole: false }
    }

    /// Whether there is something to read.
    pub(crate) fn has_line(&self) -> bool {
        self.is_whole
    }

    /// Moves bytes of a whole line to `target` and says how many.
    pub(crate) fn take(&mut self, target: &mut [u8]) -> usize {
        if !self.is_whole {
            return 0;
        }
        let count = target.len().min(self.bytes.len());
        for (slot, byte) in target.iter_mut().zip(self.bytes.drain(..count)) {
            *slot = byte;
        }
        self.is_whole = !self.bytes.is_empty();
        count
    }

    /// Takes a typed byte, and echoes it to `out`.
    pub(crate) fn feed(&mut self, byte: u8, out: &mut dyn fmt::Write) -> Result<Event, fmt::Error> {
        match byte {
            b'\r' | b'\n' => {
                // There is always room: `push` leaves a byte free.
                self.bytes.push(b'\n');
                self.is_whole = true;
                out.write_str("\n")?;
                return Ok(Event::Line);
            }
            INTERRUPT => {
                self.bytes.clear();
                out.write_str("^C\n")?;
                return Ok(Event::Interrupt);
            }
            END if self.bytes.is_empty() => return Ok(Event::End),
            END => {
                self.is_whole = true;
                return Ok(Event::Line);
            }
            BACKSPACE | DELETE => self.erase(out)?,
            KILL => {
                while !self.bytes.is_empty() {
                    self.erase(out)?;
                }
            }
            _ if byte.is_ascii_control() && byte != b'\t' => out.write_str(BELL)?,
            _ => self.push(byte, out)?,
        }
        Ok(Event::None)
    }

    fn push(&mut self, byte: u8, out: &mut dyn fmt::Write) -> fmt::Result {
        if self.bytes.len() + 1 >= MOST_LINE_BYTES {
            return out.write_str(BELL);
        }
        self.bytes.push(byte);
        // A character is echoed when its last byte is there.
        let start = self.bytes.iter().rposition(|byte| !is_continuation(*byte)).unwrap_or(0);
        let last = self.bytes.get(start..).unwrap_or_default();
        str::from_utf8(last).map_or(Ok(()), |character| out.write_str(character))
    }

    /// Takes the last character back, from the screen as well.
    fn erase(&mut self, out: &mut dyn fmt::Write) -> fmt::Result {
        if self.bytes.is_empty() {
            return Ok(());
        }
        while self.bytes.pop().is_some_and(is_continuation) {}
        out.write_str("\x08 \x08")
    }
}

/// Whether a byte goes on with a character of UTF-8.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str) -> (TypedLine, Event, String) {
        let (mut line, mut echo, mut last) = (TypedLine::new(), String::new(), Event::None);
        for byte in keys.bytes() {
            last = line.feed(byte, &mut echo).unwrap();
        }
        (line, last, echo)
    }

    fn read(keys: &str) -> String {
        let mut buffer = [0; MOST_LINE_BYTES];
        let count = typed(keys).0.take(&mut buffer);
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    #[test]
    fn line_is_read_when_it_ends_and_in_pieces() {
        let (mut line, event, echo) = typed("ab\r");
        assert_eq!((event, echo.as_str()), (Event::Line, "ab\n"));
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
    fn end_and_interrupt_are_told() {
        assert_eq!(typed("\x04").1, Event::End);
        assert_eq!((typed("ab\x04").1, read("ab\x04").as_str()), (Event::Line, "ab"));
        let (line, event, echo) = typed("ab\x03");
        assert_eq!((event, line.has_line(), echo.as_str()), (Event::Interrupt, false, "ab^C\n"));
    }

    #[test]
    fn line_that_is_too_long_still_ends() {
        let text = read(&format!("{}\r", "x".repeat(MOST_LINE_BYTES + 100)));
        assert_eq!((text.len(), text.ends_with("x\n")), (MOST_LINE_BYTES, true));
    }
}
