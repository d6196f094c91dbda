//! A line under edit: its text, the cursor, and the echo that keeps a terminal's line the same.
//!
//! The [`LineEditor`](crate::LineEditor) of the shell and the [`TypedLine`](crate::TypedLine) of `/dev/console` decide
//! what a key means; what it does to the line is here, once. The terminal is to
//! show a character in one column, and to go back over the edge where the line has wrapped: the kernel's console does.

use core::fmt::{self, Write};

use arrayvec::ArrayString;

/// The longest line in bytes.
pub const MAX_LINE_BYTES: usize = 1023;

/// Keys that correct a line, in both users' hands.
pub(crate) const BACKSPACE: u8 = 8;
pub(crate) const DELETE: u8 = 127;
pub(crate) const CONTROL_C: u8 = 3;
pub(crate) const CONTROL_U: u8 = 21;

/// Whole characters, and a cursor between two of them.
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

    /// Forgets the line; the terminal's is not touched.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
    }

    /// Writes the line again, behind a prompt that was just written.
    pub(crate) fn redraw(&self, out: &mut dyn Write) -> fmt::Result {
        show(&self.text, out)?;
        back(self.width(self.cursor, self.text.len()), out)
    }

    /// Puts a character in at the cursor; says false, and does nothing, if there is no room for it.
    pub(crate) fn insert(&mut self, character: char, out: &mut dyn Write) -> Result<bool, fmt::Error> {
        if self.text.remaining_capacity() < character.len_utf8() {
            return Ok(false);
        }
        let start = self.cursor;
        let before = self.text;
        self.text.truncate(start);
        // There is room: it was asked for above.
        let _ = self.text.try_push(character);
        self.cursor = self.text.len();
        let _ = self.text.try_push_str(before.get(start..).unwrap_or_default());
        show(self.text.get(start..).unwrap_or_default(), out)?;
        back(self.width(self.cursor, self.text.len()), out)?;
        Ok(true)
    }

    /// Takes the character before the cursor away.
    pub(crate) fn delete_before(&mut self, out: &mut dyn Write) -> fmt::Result {
        if self.cursor == 0 {
            return Ok(());
        }
        self.move_left(out)?;
        self.delete_at(out)
    }

    /// Takes the character at the cursor away.
    pub(crate) fn delete_at(&mut self, out: &mut dyn Write) -> fmt::Result {
        if self.cursor >= self.text.len() {
            return Ok(());
        }
        self.text.remove(self.cursor);
        show(self.text.get(self.cursor..).unwrap_or_default(), out)?;
        out.write_str(" ")?;
        back(self.width(self.cursor, self.text.len()).saturating_add(1), out)
    }

    /// Takes all from the cursor on away.
    pub(crate) fn delete_to_end(&mut self, out: &mut dyn Write) -> fmt::Result {
        let width = self.width(self.cursor, self.text.len());
        self.text.truncate(self.cursor);
        (0..width).try_for_each(|_| out.write_str(" "))?;
        back(width, out)
    }

    /// Puts another line in place of this one.
    pub(crate) fn replace(&mut self, text: &str, out: &mut dyn Write) -> fmt::Result {
        self.move_to_start(out)?;
        self.delete_to_end(out)?;
        // `text` comes from a line, so it fits.
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
        let before = self.text.get(..self.cursor).and_then(|text| text.char_indices().next_back());
        self.move_to(before.map_or(0, |(at, _)| at), out)
    }

    /// Moves the cursor over the character at it.
    pub(crate) fn move_right(&mut self, out: &mut dyn Write) -> fmt::Result {
        let next = self.text.get(self.cursor..).and_then(|text| text.chars().next());
        self.move_to(self.cursor.saturating_add(next.map_or(0, char::len_utf8)), out)
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

    /// Characters between two places, which is how far they are apart on the screen.
    fn width(&self, from: usize, to: usize) -> usize {
        self.text.get(from..to).unwrap_or_default().chars().count()
    }
}

/// Writes text of the line. A tab is shown as a blank, so that it takes one column wherever it stands.
fn show(text: &str, out: &mut dyn Write) -> fmt::Result {
    let mut pieces = text.split('\t');
    out.write_str(pieces.next().unwrap_or_default())?;
    pieces.try_for_each(|piece| {
        out.write_str(" ")?;
        out.write_str(piece)
    })
}

fn back(width: usize, out: &mut dyn Write) -> fmt::Result {
    (0..width).try_for_each(|_| out.write_str("\x08"))
}

/// Makes characters of the bytes of UTF-8, which come in one by one.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    partial: [u8; 4],
    length: usize,
    /// Whether bytes were dropped that are part of no character.
    has_lost: bool,
}

impl Decoder {
    /// At a character's beginning.
    pub(crate) const fn new() -> Self {
        Self { partial: [0; 4], length: 0, has_lost: false }
    }

    /// Drops what is not complete yet.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes a byte, and gives the character that it completes. One that does not go on with the character before drops
    /// that one.
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
