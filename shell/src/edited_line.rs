//! The line being edited: its text, the cursor, and the echo that keeps the terminal in step.
//!
//! The [`LineEditor`](crate::LineEditor) of the shell and the [`TypedLine`](crate::TypedLine) of `/dev/console` decide
//! what a key means; what it does to the line is here, once. A letter and the combining accents after it are one
//! character to whoever types, so the cursor never stops between them. The terminal is to show each letter in one
//! column and accents in none, and to go back over the edge where the line has wrapped: the kernel's console does.

use core::fmt::{self, Write};

use arrayvec::ArrayString;
use unicode_width::UnicodeWidthChar;

/// The longest line in bytes.
pub const MAX_LINE_BYTES: usize = 1023;

/// Keys that correct a line, of both editors.
pub(crate) const BACKSPACE: u8 = 8;
pub(crate) const DELETE: u8 = 127;
pub(crate) const CONTROL_C: u8 = 3;
pub(crate) const CONTROL_U: u8 = 21;

/// Whole characters, and a cursor before, after or between them.
#[derive(Clone, Debug)]
pub(crate) struct EditedLine {
    text: ArrayString<MAX_LINE_BYTES>,
    /// The cursor, as a byte offset.
    cursor: usize,
}

impl EditedLine {
    /// An empty line.
    pub(crate) const fn new() -> Self {
        Self { text: ArrayString::new_const(), cursor: 0 }
    }

    /// The whole line.
    pub(crate) fn text(&self) -> &ArrayString<MAX_LINE_BYTES> {
        &self.text
    }

    /// Empties the line without an echo.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
    }

    /// Writes the line again, after a prompt that was just written.
    pub(crate) fn redraw(&self, out: &mut dyn Write) -> fmt::Result {
        show(&self.text, out)?;
        back(self.width(self.cursor, self.text.len()), out)
    }

    /// Inserts a character at the cursor. False if there is no room for it; nothing has changed then.
    pub(crate) fn insert(&mut self, character: char, out: &mut dyn Write) -> Result<bool, fmt::Error> {
        if self.text.remaining_capacity() < character.len_utf8() {
            return Ok(false);
        }
        let start = self.cursor;
        let before = self.text;
        self.text.truncate(start);
        // The check above has found room for both.
        let _ = self.text.try_push(character);
        self.cursor = self.text.len();
        let _ = self.text.try_push_str(before.get(start..).unwrap_or_default());
        show(self.text.get(start..).unwrap_or_default(), out)?;
        back(self.width(self.cursor, self.text.len()), out)?;
        Ok(true)
    }

    /// Deletes the character before the cursor, with its accents.
    pub(crate) fn delete_before(&mut self, out: &mut dyn Write) -> fmt::Result {
        if self.cursor == 0 {
            return Ok(());
        }
        self.move_left(out)?;
        self.delete_at(out)
    }

    /// Deletes the character at the cursor, with its accents.
    pub(crate) fn delete_at(&mut self, out: &mut dyn Write) -> fmt::Result {
        let end = self.next_place();
        let deleted_columns = self.width(self.cursor, end);
        let whole = self.text;
        self.text.truncate(self.cursor);
        // A part of the same text fits.
        let _ = self.text.try_push_str(whole.get(end..).unwrap_or_default());
        show(self.text.get(self.cursor..).unwrap_or_default(), out)?;
        blank(deleted_columns, out)?;
        back(self.width(self.cursor, self.text.len()).saturating_add(deleted_columns), out)
    }

    /// Deletes everything from the cursor on.
    pub(crate) fn delete_to_end(&mut self, out: &mut dyn Write) -> fmt::Result {
        let width = self.width(self.cursor, self.text.len());
        self.text.truncate(self.cursor);
        blank(width, out)?;
        back(width, out)
    }

    /// Replaces the whole line.
    pub(crate) fn replace(&mut self, text: &str, out: &mut dyn Write) -> fmt::Result {
        self.move_to_start(out)?;
        self.delete_to_end(out)?;
        // `text` is a line of the history, which is no longer, or empty.
        let _ = self.text.try_push_str(text);
        self.cursor = self.text.len();
        show(&self.text, out)
    }

    /// Moves the cursor to the beginning.
    pub(crate) fn move_to_start(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.move_to(0, out)
    }

    /// Moves the cursor to the end.
    pub(crate) fn move_to_end(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.move_to(self.text.len(), out)
    }

    /// Moves the cursor over the character before it.
    pub(crate) fn move_left(&mut self, out: &mut dyn Write) -> fmt::Result {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let start = before.char_indices().rev().find(|(_, character)| columns(*character) > 0);
        self.move_to(start.map_or(0, |(place, _)| place), out)
    }

    /// Moves the cursor over the character at it.
    pub(crate) fn move_right(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.move_to(self.next_place(), out)
    }

    /// Where the character at the cursor ends, with its accents.
    fn next_place(&self) -> usize {
        let behind = self.text.get(self.cursor..).unwrap_or_default();
        let next = behind.char_indices().skip(1).find(|(_, character)| columns(*character) > 0);
        self.cursor.saturating_add(next.map_or(behind.len(), |(place, _)| place))
    }

    fn move_to(&mut self, place: usize, out: &mut dyn Write) -> fmt::Result {
        if place < self.cursor {
            back(self.width(place, self.cursor), out)?;
        } else {
            show(self.text.get(self.cursor..place).unwrap_or_default(), out)?;
        }
        self.cursor = place;
        Ok(())
    }

    /// Columns between two places on the screen.
    fn width(&self, from: usize, to: usize) -> usize {
        self.text.get(from..to).unwrap_or_default().chars().map(columns).sum()
    }
}

/// The columns that a character takes: 0 for what is shown on the character before it, such as a combining accent.
fn columns(character: char) -> usize {
    usize::from(character.is_ascii() || character.width() != Some(0))
}

/// Writes text of the line. A tab is shown as a space, so that it takes one column anywhere.
fn show(text: &str, out: &mut dyn Write) -> fmt::Result {
    let mut pieces = text.split('\t');
    out.write_str(pieces.next().unwrap_or_default())?;
    pieces.try_for_each(|piece| {
        out.write_str(" ")?;
        out.write_str(piece)
    })
}

fn blank(width: usize, out: &mut dyn Write) -> fmt::Result {
    (0..width).try_for_each(|_| out.write_str(" "))
}

fn back(width: usize, out: &mut dyn Write) -> fmt::Result {
    (0..width).try_for_each(|_| out.write_str("\x08"))
}

/// Decodes UTF-8 whose bytes come in one by one.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    partial: [u8; 4],
    length: usize,
    /// Whether bytes were dropped that belong to no character.
    has_lost: bool,
}

impl Decoder {
    /// A decoder that expects the first byte of a character.
    pub(crate) const fn new() -> Self {
        Self { partial: [0; 4], length: 0, has_lost: false }
    }

    /// Drops the bytes of an incomplete character.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes a byte, and returns the character that it completes. A byte that cannot continue an incomplete character
    /// drops that.
    pub(crate) fn feed(&mut self, byte: u8) -> Option<char> {
        if byte & 0xc0 != 0x80 && self.length > 0 {
            self.lose();
        }
        // No character is longer, so there is always room.
        *self.partial.get_mut(self.length)? = byte;
        self.length = self.length.saturating_add(1);
        match str::from_utf8(self.partial.get(..self.length)?) {
            Ok(text) => {
                let character = text.chars().next();
                self.length = 0;
                character
            }
            Err(error) => {
                if error.error_len().is_some() {
                    self.lose();
                }
                None
            }
        }
    }

    fn lose(&mut self) {
        self.length = 0;
        self.has_lost = true;
    }

    /// Whether bytes were dropped since the last call.
    pub(crate) fn take_lost(&mut self) -> bool {
        core::mem::take(&mut self.has_lost)
    }
}
