//! The grid of characters behind a screen: cursor, colours, scrolling, and the control sequences.
//!
//! Source of the sequences: ECMA-48. Others are ignored.

use core::ops::Range;

use unicode_width::UnicodeWidthChar;
use vte::{Params, Perform};

use super::screen::{Cell, LIGHT_GREY};

const BRIGHT: u8 = 8;
pub(crate) const TAB_COLUMNS: usize = 8;
pub(crate) const BACKSPACE: u8 = 8;
/// Maximum number of rows; of a taller display only these are used.
pub(crate) const MAX_ROWS: usize = 256;

/// Whether a terminal shows a character together with the one before it, in no column of its own: a combining accent.
pub(crate) fn is_zero_width(character: char) -> bool {
    !character.is_ascii() && character.width() == Some(0)
}

/// The cells, and the state of the terminal: cursor, colours, scroll position.
pub(crate) struct Grid<'a> {
    cells: &'a mut [Cell],
    /// At least 1, as is `rows`.
    columns: usize,
    rows: usize,
    /// The line in `cells` that is the top row: scrolling changes this and moves no cells.
    first: usize,
    row: usize,
    /// May be equal to `columns`: the row is full and the next character wraps.
    column: usize,
    colours: u8,
    is_bold: bool,
    changed: Range<usize>,
    /// Which lines of `cells` continue the line above, which has wrapped.
    is_continued: [bool; MAX_ROWS],
}

impl<'a> Grid<'a> {
    /// A clear grid; `None` unless there are `columns` times `rows` cells, at least one, and at most [`MAX_ROWS`] rows.
    pub(crate) fn new(cells: &'a mut [Cell], columns: usize, rows: usize) -> Option<Self> {
        if cells.is_empty() || rows > MAX_ROWS || columns.checked_mul(rows) != Some(cells.len()) {
            return None;
        }
        cells.fill(Cell::BLANK);
        Some(Self {
            cells,
            columns,
            rows,
            first: 0,
            row: 0,
            column: 0,
            colours: LIGHT_GREY,
            is_bold: false,
            changed: 0..rows,
            is_continued: [false; MAX_ROWS],
        })
    }

    /// Row and column of the cursor.
    pub(crate) fn cursor(&self) -> (usize, usize) {
        (self.row, self.column.min(self.columns - 1))
    }

    /// The cells of a row.
    pub(crate) fn line(&self, row: usize) -> &[Cell] {
        let place = self.place(row);
        self.cells.get(place).unwrap_or_default()
    }

    /// Marks a row as changed.
    pub(crate) fn mark_row(&mut self, row: usize) {
        self.changed = if self.changed.is_empty() {
            row..row + 1
        } else {
            self.changed.start.min(row)..self.changed.end.max(row + 1)
        };
    }

    /// Returns the range of rows that may have changed, and clears it.
    pub(crate) fn take_changed_rows(&mut self) -> Range<usize> {
        core::mem::replace(&mut self.changed, 0..0)
    }

    fn place(&self, row: usize) -> Range<usize> {
        let start = (self.first + row) % self.rows * self.columns;
        start..start + self.columns
    }

    /// Whether a row continues the line above it.
    fn continuation(&mut self, row: usize) -> Option<&mut bool> {
        let line = (self.first + row) % self.rows;
        self.is_continued.get_mut(line)
    }

    /// Moves the cursor to where the next character goes: after a full row, to the next one.
    pub(crate) fn settle(&mut self) {
        if self.column >= self.columns {
            self.line_feed();
            if let Some(is_continued) = self.continuation(self.row) {
                *is_continued = true;
            }
        }
    }

    /// Moves one column back; at the left edge to the row above, if the line has wrapped there.
    fn go_back(&mut self) {
        let is_continued = self.continuation(self.row).is_some_and(|is_continued| *is_continued);
        match self.column.checked_sub(1) {
            Some(column) => self.column = column,
            None if self.row > 0 && is_continued => {
                self.row -= 1;
                self.column = self.columns - 1;
            }
            None => {}
        }
    }

    fn put(&mut self, character: u8) {
        self.settle();
        let bright = if self.is_bold { BRIGHT } else { 0 };
        let place = self.place(self.row).start + self.column;
        if let Some(cell) = self.cells.get_mut(place) {
            *cell = Cell { character, colours: self.colours | bright };
        }
        self.column += 1;
        self.mark_row(self.row);
    }

    /// Moves to the start of the next row, where a new line begins.
    fn line_feed(&mut self) {
        self.column = 0;
        if self.row + 1 < self.rows {
            self.row += 1;
        } else {
            self.first = (self.first + 1) % self.rows;
            self.erase(self.row, 0..self.columns);
            self.changed = 0..self.rows;
        }
        if let Some(is_continued) = self.continuation(self.row) {
            *is_continued = false;
        }
    }

    fn erase(&mut self, row: usize, columns: Range<usize>) {
        let blank = Cell { character: b' ', colours: self.colours };
        let place = self.place(row);
        if let Some(cells) = self.cells.get_mut(place).and_then(|line| line.get_mut(columns)) {
            cells.fill(blank);
        }
        self.mark_row(row);
    }

    fn erase_rows(&mut self, rows: Range<usize>) {
        for row in rows {
            self.erase(row, 0..self.columns);
        }
    }

    fn set_colours(&mut self, params: &Params) {
        let mut codes = params.iter().map(|param| param.first().copied().unwrap_or(0));
        while let Some(code) = codes.next() {
            let digit = (code % 10) as u8;
            match code {
                0 => (self.colours, self.is_bold) = (LIGHT_GREY, false),
                1 => self.is_bold = true,
                22 => self.is_bold = false,
                30..=37 => self.colours = self.colours & 0xf0 | digit,
                39 => self.colours = self.colours & 0xf0 | LIGHT_GREY,
                40..=47 => self.colours = self.colours & 0x0f | digit << 4,
                49 => self.colours &= 0x0f,
                90..=97 => self.colours = self.colours & 0xf0 | digit | BRIGHT,
                // Colours of the 256-colour palette or by RGB values are skipped with their parameters.
                38 | 48 => match codes.next() {
                    Some(5) => drop(codes.next()),
                    Some(2) => drop(codes.nth(2)),
                    _ => {}
                },
                _ => {}
            }
        }
    }
}

impl Perform for Grid<'_> {
    fn print(&mut self, character: char) {
        if is_zero_width(character) {
            return;
        }
        let byte = u8::try_from(character).unwrap_or(0);
        self.put(if byte == b' ' || byte.is_ascii_graphic() { byte } else { b'?' });
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.line_feed(),
            b'\r' => self.column = 0,
            BACKSPACE => self.go_back(),
            b'\t' => self.column = ((self.column / TAB_COLUMNS + 1) * TAB_COLUMNS).min(self.columns - 1),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], is_cut: bool, action: char) {
        if is_cut || !intermediates.is_empty() {
            return;
        }
        let number = |place: usize| {
            params.iter().nth(place).and_then(|param| param.first()).copied().map_or(0, usize::from)
        };
        let steps = number(0).max(1);
        let (row, column) = self.cursor();
        let (last_row, last_column) = (self.rows - 1, self.columns - 1);
        match action {
            'm' => self.set_colours(params),
            'A' => self.row = row.saturating_sub(steps),
            'B' => self.row = (row + steps).min(last_row),
            'C' => self.column = (column + steps).min(last_column),
            'D' => self.column = column.saturating_sub(steps),
            'G' => self.column = (steps - 1).min(last_column),
            'H' => {
                self.row = (steps - 1).min(last_row);
                self.column = (number(1).max(1) - 1).min(last_column);
            }
            'J' => match number(0) {
                0 => {
                    self.erase(row, column..self.columns);
                    self.erase_rows(row + 1..self.rows);
                }
                1 => {
                    self.erase_rows(0..row);
                    self.erase(row, 0..column + 1);
                }
                _ => self.erase_rows(0..self.rows),
            },
            'K' => match number(0) {
                0 => self.erase(row, column..self.columns),
                1 => self.erase(row, 0..column + 1),
                _ => self.erase(row, 0..self.columns),
            },
            _ => {}
        }
    }
}
