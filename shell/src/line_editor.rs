//! The line editor of the shell: turns the bytes of a terminal into lines, with echo and history.

use core::fmt::{self, Write};

use arrayvec::ArrayString;

use crate::edited_line::{BACKSPACE, CONTROL_C, CONTROL_U, DELETE, Decoder, EditedLine, MAX_LINE_BYTES};

/// Lines that the history keeps. Its memory is fixed.
const HISTORY_LINES: usize = 12;

const CONTROL_A: u8 = 1;
const CONTROL_E: u8 = 5;
const CONTROL_K: u8 = 11;
const CONTROL_L: u8 = 12;
const ESCAPE: u8 = 27;

type Line = ArrayString<MAX_LINE_BYTES>;

/// The result of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The line is not complete.
    None,
    /// Enter: the line is in [`LineEditor::line`].
    Line,
    /// Enter on a line that was too long.
    TooLong {
        /// Characters that did not fit.
        excess_characters: usize,
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
    /// After ESC.
    Start,
    /// After ESC [ or ESC O, with the numeric parameter so far.
    Sequence(u16),
}

/// The line being typed, and the history.
#[derive(Debug)]
pub struct LineEditor {
    line: EditedLine,
    decoder: Decoder,
    /// Characters that did not fit and were not deleted since.
    excess_characters: usize,
    escape: Escape,
    is_after_carriage_return: bool,
    is_done: bool,
    /// The newest line first.
    history: [Line; HISTORY_LINES],
    history_length: usize,
    /// How many lines back in the history the shown line is; 0 for a new line.
    history_place: usize,
}

impl LineEditor {
    /// An editor with an empty line.
    pub const fn new() -> Self {
        Self {
            line: EditedLine::new(),
            decoder: Decoder::new(),
            excess_characters: 0,
            escape: Escape::None,
            is_after_carriage_return: false,
            is_done: false,
            history: [const { Line::new_const() }; HISTORY_LINES],
            history_length: 0,
            history_place: 0,
        }
    }

    /// The line so far; after [`Event::Line`] the whole line, until the next byte.
    pub fn line(&self) -> &str {
        self.line.text()
    }

    /// Takes a byte and writes its echo.
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
        if self.escape != Escape::None && self.feed_escape(byte, out)? {
            return Ok(Event::None);
        }
        match byte {
            b'\r' | b'\n' => {
                self.is_after_carriage_return = byte == b'\r';
                return self.finish(out);
            }
            CONTROL_C => {
                self.line.move_to_end(out)?;
                out.write_str("^C\n")?;
                self.start_over();
                return Ok(Event::Interrupt);
            }
            CONTROL_L => {
                out.write_str("\x1b[2J\x1b[H")?;
                return Ok(Event::Clear);
            }
            BACKSPACE | DELETE => {
                if !self.take_back_excess() {
                    self.line.delete_before(out)?;
                }
            }
            CONTROL_U => self.replace("", out)?,
            CONTROL_K => {
                self.line.delete_to_end(out)?;
                self.excess_characters = 0;
            }
            CONTROL_A => self.line.move_to_start(out)?,
            CONTROL_E => self.line.move_to_end(out)?,
            ESCAPE => {
                self.decoder.clear();
                self.escape = Escape::Start;
            }
            0..=31 => self.decoder.clear(),
            _ => self.feed_text(byte, out)?,
        }
        Ok(Event::None)
    }

    /// Writes the line again, after a prompt that was just written.
    ///
    /// # Errors
    ///
    /// The writer's own.
    pub fn redraw(&self, out: &mut dyn Write) -> fmt::Result {
        self.line.redraw(out)
    }

    fn start_over(&mut self) {
        self.line.clear();
        self.decoder.clear();
        self.excess_characters = 0;
        self.escape = Escape::None;
        self.history_place = 0;
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<Event, fmt::Error> {
        self.line.move_to_end(out)?;
        out.write_str("\n")?;
        self.is_done = true;
        if self.excess_characters > 0 {
            return Ok(Event::TooLong { excess_characters: self.excess_characters });
        }
        self.remember();
        Ok(Event::Line)
    }

    fn remember(&mut self) {
        let line = *self.line.text();
        let is_repeated = self.history_length > 0 && self.history.first() == Some(&line);
        if line.trim().is_empty() || is_repeated {
            return;
        }
        self.history.rotate_right(1);
        if let Some(newest) = self.history.first_mut() {
            *newest = line;
        }
        self.history_length = self.history_length.saturating_add(1).min(HISTORY_LINES);
    }

    fn feed_text(&mut self, byte: u8, out: &mut dyn Write) -> fmt::Result {
        let Some(character) = self.decoder.feed(byte).filter(|character| !character.is_control()) else {
            return Ok(());
        };
        // Once a character did not fit, a shorter one must not take its place.
        if self.excess_characters > 0 || !self.line.insert(character, out)? {
            self.excess_characters = self.excess_characters.saturating_add(1);
        }
        Ok(())
    }

    /// Deletes the last character that did not fit. False if there is none; then the line itself is to be edited.
    fn take_back_excess(&mut self) -> bool {
        let is_excess = self.excess_characters > 0;
        self.excess_characters = self.excess_characters.saturating_sub(1);
        is_excess
    }

    /// Replaces the whole line.
    fn replace(&mut self, text: &str, out: &mut dyn Write) -> fmt::Result {
        self.excess_characters = 0;
        self.line.replace(text, out)
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

    /// Takes a byte of a control sequence (ECMA-48, 5.4). False if the byte cannot be a part of one: it ends the sequence
    /// and has its usual meaning.
    fn feed_escape(&mut self, byte: u8, out: &mut dyn Write) -> Result<bool, fmt::Error> {
        if !(0x20..=0x7e).contains(&byte) {
            self.escape = Escape::None;
            return Ok(false);
        }
        match (self.escape, byte) {
            (Escape::Start, b'[' | b'O') => self.escape = Escape::Sequence(0),
            (Escape::Sequence(number), b'0'..=b'9') => {
                let digit = u16::from(byte.saturating_sub(b'0'));
                self.escape = Escape::Sequence(number.saturating_mul(10).saturating_add(digit));
            }
            // Other parameters and intermediate bytes are skipped up to the final byte.
            (Escape::Sequence(_), 0x20..=0x3f) => {}
            (Escape::Sequence(number), _) => {
                self.escape = Escape::None;
                self.press(byte, number, out)?;
            }
            _ => self.escape = Escape::None,
        }
        Ok(true)
    }

    /// Acts on the key whose control sequence has this final byte and parameter.
    fn press(&mut self, final_byte: u8, number: u16, out: &mut dyn Write) -> fmt::Result {
        match (final_byte, number) {
            (b'A', _) => self.show_history(self.history_place.saturating_add(1), out),
            (b'B', _) => match self.history_place.checked_sub(1) {
                Some(place) => self.show_history(place, out),
                None => Ok(()),
            },
            (b'C', _) => self.line.move_right(out),
            (b'D', _) => self.line.move_left(out),
            (b'H', _) | (b'~', 1 | 7) => self.line.move_to_start(out),
            (b'F', _) | (b'~', 4 | 8) => self.line.move_to_end(out),
            (b'~', 3) if self.take_back_excess() => Ok(()),
            (b'~', 3) => self.line.delete_at(out),
            _ => Ok(()),
        }
    }
}

impl Default for LineEditor {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
