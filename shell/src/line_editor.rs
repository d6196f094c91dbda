//! The line editor: bytes from a terminal in, a line out, with an echo that keeps the screen right.

use core::fmt::{self, Write};

use arrayvec::ArrayString;

/// The longest line in bytes. What is typed beyond is counted, and the line is refused.
pub const MOST_LINE_BYTES: usize = 1023;
/// Lines that the history keeps, all in one fixed piece of memory.
const HISTORY_LINES: usize = 12;

const CONTROL_A: u8 = 1;
const CONTROL_C: u8 = 3;
const CONTROL_E: u8 = 5;
const BACKSPACE: u8 = 8;
const CONTROL_K: u8 = 11;
const CONTROL_L: u8 = 12;
const CONTROL_U: u8 = 21;
const ESCAPE: u8 = 27;
const DELETE: u8 = 127;

type Line = ArrayString<MOST_LINE_BYTES>;

/// What a byte led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The line is not done yet.
    None,
    /// Enter: the line is in [`LineEditor::line`].
    Line,
    /// Enter on a line that was too long: this many bytes were typed.
    TooLong {
        /// Bytes typed.
        typed_bytes: usize,
    },
    /// Ctrl-C: the line was dropped.
    Interrupt,
    /// Ctrl-L: the screen is clear; the prompt is to be written, then [`LineEditor::redraw`] called.
    Clear,
}

/// Where in a control sequence the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    /// Behind ESC.
    Start,
    /// Behind ESC [ or ESC O, with the number so far.
    Sequence(u16),
}

/// The state of the line that is being typed.
#[derive(Debug)]
pub struct LineEditor {
    line: Line,
    /// The cursor, as a byte offset between characters.
    cursor: usize,
    /// Bytes dropped because the line was full.
    excess_bytes: usize,
    escape: Escape,
    /// Bytes of a character that is not complete yet.
    partial: [u8; 4],
    partial_length: usize,
    is_after_carriage_return: bool,
    is_done: bool,
    history: [Line; HISTORY_LINES],
    history_length: usize,
    /// How many lines back the shown one is; 0 is the one being typed.
    history_place: usize,
}

impl LineEditor {
    /// An editor with an empty line.
    pub const fn new() -> Self {
        Self {
            line: Line::new_const(),
            cursor: 0,
            excess_bytes: 0,
            escape: Escape::None,
            partial: [0; 4],
            partial_length: 0,
            is_after_carriage_return: false,
            is_done: false,
            history: [const { Line::new_const() }; HISTORY_LINES],
            history_length: 0,
            history_place: 0,
        }
    }

    /// The line as far as it is typed; after [`Event::Line`] the whole line, until the next byte.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Takes a byte in, and writes the echo.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn feed(&mut self, byte: u8, out: &mut dyn Write) -> Result<Event, fmt::Error> {
        let is_second_of_pair = core::mem::take(&mut self.is_after_carriage_return) && byte == b'\n';
        if is_second_of_pair {
            return Ok(Event::None);
        }
        if core::mem::take(&mut self.is_done) {
            self.start_over();
        }
        if self.escape != Escape::None && byte != CONTROL_C {
            self.feed_escape(byte, out)?;
            return Ok(Event::None);
        }
        match byte {
            b'\r' | b'\n' => {
                self.is_after_carriage_return = byte == b'\r';
                return self.finish(out);
            }
            CONTROL_C => {
                out.write_str("^C\n")?;
                self.start_over();
                return Ok(Event::Interrupt);
            }
            CONTROL_L => {
                out.write_str("\x1b[2J\x1b[H")?;
                return Ok(Event::Clear);
            }
            BACKSPACE | DELETE => self.delete_before(out)?,
            CONTROL_U => self.replace("", out)?,
            CONTROL_K => self.delete_to_end(out)?,
            CONTROL_A => self.move_to(0, out)?,
            CONTROL_E => self.move_to(self.line.len(), out)?,
            ESCAPE => {
                self.partial_length = 0;
                self.escape = Escape::Start;
            }
            0..=31 => self.partial_length = 0,
            _ => self.feed_text(byte, out)?,
        }
        Ok(Event::None)
    }

    /// Writes the line again, behind a prompt that was just written.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn redraw(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str(&self.line)?;
        back(self.width(self.cursor, self.line.len()), out)
    }

    fn start_over(&mut self) {
        self.line.clear();
        self.cursor = 0;
        self.excess_bytes = 0;
        self.escape = Escape::None;
        self.partial_length = 0;
        self.history_place = 0;
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<Event, fmt::Error> {
        self.move_to(self.line.len(), out)?;
        out.write_str("\n")?;
        self.is_done = true;
        if self.excess_bytes > 0 {
            return Ok(Event::TooLong { typed_bytes: self.line.len() + self.excess_bytes });
        }
        self.remember();
        Ok(Event::Line)
    }

    fn remember(&mut self) {
        let is_repeated = self.history_length > 0 && self.history[0] == self.line;
        if !self.line.trim().is_empty() && !is_repeated {
            self.history.rotate_right(1);
            self.history[0] = self.line;
            self.history_length = (self.history_length + 1).min(HISTORY_LINES);
        }
    }

    fn feed_text(&mut self, byte: u8, out: &mut dyn Write) -> fmt::Result {
        // A byte that does not go on with the character before drops that one.
        if byte & 0xc0 != 0x80 {
            self.partial_length = 0;
        }
        let Some(slot) = self.partial.get_mut(self.partial_length) else {
            self.partial_length = 0;
            return Ok(());
        };
        *slot = byte;
        self.partial_length += 1;
        let bytes = self.partial;
        let text = bytes.get(..self.partial_length).and_then(|bytes| str::from_utf8(bytes).ok());
        if let Some(character) = text.and_then(|text| text.chars().next()) {
            self.partial_length = 0;
            if !character.is_control() {
                self.insert(character, out)?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, character: char, out: &mut dyn Write) -> fmt::Result {
        if self.line.len() + character.len_utf8() > MOST_LINE_BYTES || self.excess_bytes > 0 {
            self.excess_bytes += character.len_utf8();
            return Ok(());
        }
        let (before, behind) = self.line.split_at(self.cursor);
        let mut line = Line::new();
        line.push_str(before);
        line.push(character);
        line.push_str(behind);
        self.line = line;
        let start = self.cursor;
        self.cursor += character.len_utf8();
        self.write_from(start, out)
    }

    /// Writes the line from `start` on, where the terminal's cursor is, and puts that back to ours.
    fn write_from(&self, start: usize, out: &mut dyn Write) -> fmt::Result {
        out.write_str(self.line.get(start..).unwrap_or_default())?;
        back(self.width(self.cursor, self.line.len()), out)
    }

    fn delete_before(&mut self, out: &mut dyn Write) -> fmt::Result {
        if self.excess_bytes > 0 {
            self.excess_bytes -= 1;
            return Ok(());
        }
        if self.cursor > 0 {
            self.move_to(self.before(self.cursor), out)?;
            self.delete_at(out)?;
        }
        Ok(())
    }

    fn delete_at(&mut self, out: &mut dyn Write) -> fmt::Result {
        if self.cursor >= self.line.len() {
            return Ok(());
        }
        self.line.remove(self.cursor);
        out.write_str(self.line.get(self.cursor..).unwrap_or_default())?;
        out.write_str(" ")?;
        back(self.width(self.cursor, self.line.len()) + 1, out)
    }

    fn delete_to_end(&mut self, out: &mut dyn Write) -> fmt::Result {
        let width = self.width(self.cursor, self.line.len());
        self.line.truncate(self.cursor);
        self.excess_bytes = 0;
        (0..width).try_for_each(|_| out.write_str(" "))?;
        back(width, out)
    }

    /// Puts another line in place of this one.
    fn replace(&mut self, text: &str, out: &mut dyn Write) -> fmt::Result {
        self.move_to(0, out)?;
        self.delete_to_end(out)?;
        // `text` comes from a line, so it fits.
        let _ = self.line.try_push_str(text);
        self.cursor = self.line.len();
        out.write_str(text)
    }

    fn move_to(&mut self, place: usize, out: &mut dyn Write) -> fmt::Result {
        if place < self.cursor {
            back(self.width(place, self.cursor), out)?;
        } else {
            out.write_str(self.line.get(self.cursor..place).unwrap_or_default())?;
        }
        self.cursor = place;
        Ok(())
    }

    fn show_history(&mut self, place: usize, out: &mut dyn Write) -> fmt::Result {
        if place > self.history_length {
            return Ok(());
        }
        self.history_place = place;
        let line =
            place.checked_sub(1).and_then(|number| self.history.get(number)).copied().unwrap_or_default();
        self.replace(&line, out)
    }

    fn feed_escape(&mut self, byte: u8, out: &mut dyn Write) -> fmt::Result {
        let number = match (self.escape, byte) {
            (Escape::Start, b'[' | b'O') => {
                self.escape = Escape::Sequence(0);
                return Ok(());
            }
            (Escape::Sequence(number), b'0'..=b'9') => {
                let digit = u16::from(byte - b'0');
                self.escape = Escape::Sequence(number.saturating_mul(10).saturating_add(digit));
                return Ok(());
            }
            // Other parameters and intermediates are passed over until the final byte.
            (Escape::Sequence(_), 0x20..=0x3f) => return Ok(()),
            (Escape::Sequence(number), _) => number,
            _ => {
                self.escape = Escape::None;
                return Ok(());
            }
        };
        self.escape = Escape::None;
        match (byte, number) {
            (b'A', _) => self.show_history(self.history_place + 1, out),
            (b'B', _) if self.history_place > 0 => self.show_history(self.history_place - 1, out),
            (b'C', _) => self.move_to(self.behind(self.cursor), out),
            (b'D', _) => self.move_to(self.before(self.cursor), out),
            (b'H', _) | (b'~', 1 | 7) => self.move_to(0, out),
            (b'F', _) | (b'~', 4 | 8) => self.move_to(self.line.len(), out),
            (b'~', 3) => self.delete_at(out),
            _ => Ok(()),
        }
    }

    /// Characters between two places, which is how far they are apart on the screen.
    fn width(&self, from: usize, to: usize) -> usize {
        self.line.get(from..to).unwrap_or_default().chars().count()
    }

    fn before(&self, place: usize) -> usize {
        self.line.get(..place).and_then(|text| text.char_indices().next_back()).map_or(0, |(at, _)| at)
    }

    fn behind(&self, place: usize) -> usize {
        let next = self.line.get(place..).and_then(|text| text.chars().next());
        place + next.map_or(0, char::len_utf8)
    }
}

impl Default for LineEditor {
    fn default() -> Self {
        Self::new()
    }
}

fn back(width: usize, out: &mut dyn Write) -> fmt::Result {
    (0..width).try_for_each(|_| out.write_str("\x08"))
}

#[cfg(test)]
mod tests;
