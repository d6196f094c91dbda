//! Moves the cursor of a serial terminal back over the left edge, which backspaces alone do not do.
//!
//! A line editor writes characters, and backspaces to move back over them. Where its line has wrapped, a backspace in the
//! first column has to reach the end of the row above; a VT100 and its successors ignore it instead (ECMA-48 leaves it
//! open). So the position of the cursor is tracked here, and such a backspace becomes two control sequences.
//! [`Screen`](crate::Screen) needs no such help.

use vte::{Params, Parser, Perform};

use crate::grid::{BACKSPACE, TAB_COLUMNS, is_zero_width};

/// Assumed width of a terminal that does not report its size.
const DEFAULT_COLUMNS: usize = 80;

/// A filter for the output to a terminal, which tracks the cursor.
pub struct BackwardWrap {
    parser: Parser,
    cursor: Cursor,
}

struct Cursor {
    /// At least 1.
    columns: usize,
    /// May be equal to `columns`: the row is full and the next character wraps.
    column: usize,
    /// Rows above that the same line has filled.
    rows_above: usize,
    /// Rows below that the same line has reached: those that the cursor has left upwards.
    rows_below: usize,
}

impl BackwardWrap {
    /// A terminal of 80 columns with the cursor in the first.
    #[expect(
        clippy::new_without_default,
        reason = "with the parser's memory it is made in place, into a static"
    )]
    pub fn new() -> Self {
        let cursor = Cursor { columns: DEFAULT_COLUMNS, column: 0, rows_above: 0, rows_below: 0 };
        Self { parser: Parser::new(), cursor }
    }

    /// Sets how many characters a row has; 0 counts as 1.
    pub fn set_columns(&mut self, columns: usize) {
        self.cursor.columns = columns.max(1);
        self.cursor.column = self.cursor.column.min(self.cursor.columns);
        self.cursor.rows_below = 0;
    }

    /// Passes `bytes` to `emit`, with backspaces at the left edge replaced.
    pub fn write(&mut self, bytes: &[u8], emit: &mut dyn FnMut(&[u8])) {
        let mut parts = bytes.split(|byte| *byte == BACKSPACE);
        let mut next = parts.next();
        while let Some(part) = next {
            self.parser.advance(&mut self.cursor, part);
            if !part.is_empty() {
                emit(part);
            }
            next = parts.next();
            if next.is_some() {
                self.go_back(emit);
            }
        }
    }

    /// Moves the cursor to where the next character goes: after a full row, a terminal leaves it in the last column.
    pub fn settle(&mut self, emit: &mut dyn FnMut(&[u8])) {
        if self.cursor.column >= self.cursor.columns {
            // CR LF would look like the end of the line to a program that reads the echo, and not every terminal knows
            // NEL (ESC E). A blank wraps and scrolls as the next character would; where it would overwrite a part of the
            // line, the next row exists, so the cursor moves down.
            emit(if self.cursor.rows_below > 0 { b"\x1b[B\r" } else { b" \r" });
            self.cursor.wrap();
        }
    }

    fn go_back(&mut self, emit: &mut dyn FnMut(&[u8])) {
        let cursor = &mut self.cursor;
        if cursor.column > 0 && cursor.column < cursor.columns {
            cursor.column = cursor.column.saturating_sub(1);
            return emit(&[BACKSPACE]);
        }
        let last = cursor.columns.saturating_sub(1);
        if cursor.column >= cursor.columns {
            // The terminal's cursor is in the last column, with a wrap pending; a column sequence cancels that.
            cursor.column = last;
        } else if let Some(rows_above) = cursor.rows_above.checked_sub(1) {
            cursor.rows_above = rows_above;
            cursor.rows_below = cursor.rows_below.saturating_add(1);
            cursor.column = last;
            emit(b"\x1b[A");
        } else {
            return emit(&[BACKSPACE]);
        }
        emit_column(cursor.columns, emit);
    }
}

/// Moves the cursor to a column, counted from 1.
fn emit_column(number: usize, emit: &mut dyn FnMut(&[u8])) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut length = 0_usize;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.saturating_add((rest % 10) as u8);
        rest /= 10;
        length = length.saturating_add(1);
        if rest == 0 {
            break;
        }
    }
    emit(b"\x1b[");
    emit(digits.get(digits.len().saturating_sub(length)..).unwrap_or_default());
    emit(b"G");
}

impl Cursor {
    fn wrap(&mut self) {
        self.column = 0;
        self.rows_above = self.rows_above.saturating_add(1);
        self.rows_below = self.rows_below.saturating_sub(1);
    }

    /// Puts the cursor where nothing is known of the line that it is in.
    fn leave_line(&mut self, column: usize) {
        (self.column, self.rows_above, self.rows_below) = (column, 0, 0);
    }
}

impl Perform for Cursor {
    fn print(&mut self, character: char) {
        if is_zero_width(character) {
            return;
        }
        if self.column >= self.columns {
            self.wrap();
        }
        self.column = self.column.saturating_add(1);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.leave_line(0),
            b'\r' => self.column = 0,
            b'\t' => {
                let next = (self.column / TAB_COLUMNS).saturating_add(1).saturating_mul(TAB_COLUMNS);
                self.column = next.min(self.columns.saturating_sub(1));
            }
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], is_cut: bool, action: char) {
        if is_cut || !intermediates.is_empty() {
            return;
        }
        let number = |place: usize| {
            let number = params.iter().nth(place).and_then(|param| param.first()).copied().unwrap_or(0);
            usize::from(number.max(1))
        };
        let last = self.columns.saturating_sub(1);
        let column = self.column.min(last);
        match action {
            'A' | 'B' => self.leave_line(column),
            'C' => self.column = column.saturating_add(number(0)).min(last),
            'D' => self.column = column.saturating_sub(number(0)),
            'G' => self.column = number(0).saturating_sub(1).min(last),
            'H' => self.leave_line(number(1).saturating_sub(1).min(last)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(columns: usize, text: &str) -> String {
        let mut terminal = BackwardWrap::new();
        terminal.set_columns(columns);
        let mut out = Vec::new();
        terminal.write(text.as_bytes(), &mut |bytes| out.extend_from_slice(bytes));
        terminal.settle(&mut |bytes| out.extend_from_slice(bytes));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_a_backspace_at_the_edge_is_changed() {
        for (columns, text, expected) in [
            (80, "abc\x08\x08x\n\x08", "abc\x08\x08x\n\x08"),
            (3, "abcd\x08\x08", "abcd\x08\x1b[A\x1b[3G"),
            (3, "abc\x08", "abc\x1b[3G"),
            (3, "abc", "abc \r"),
            (3, "abcd\x08\x08c", "abcd\x08\x1b[A\x1b[3Gc\x1b[B\r"),
            (3, "abcd\x08\x08\nabc", "abcd\x08\x1b[A\x1b[3G\nabc \r"),
            (3, "e\u{301}bc\u{301}", "e\u{301}bc\u{301} \r"),
            (3, "e\u{301}b\x08", "e\u{301}b\x08"),
            (3, "abc\nd\x08\x08", "abc\nd\x08\x08"),
            (
                12,
                "\x1b[1;32m0123456789ab\x1b[0mc\x08\x08",
                "\x1b[1;32m0123456789ab\x1b[0mc\x08\x1b[A\x1b[12G",
            ),
            (4, "äöüßx\x08\x08", "äöüßx\x08\x1b[A\x1b[4G"),
            (0, "a\x08", "a\x1b[1G"),
            (8, "\tab\x08\x08", "\tab\x08\x1b[A\x1b[8G"),
        ] {
            assert_eq!(written(columns, text), expected, "{text:?} at {columns}");
        }
    }
}
