//! The screen as a grid of characters: what a terminal does, without any hardware.
//!
//! Text and control sequences change the grid only; [`Screen::flush`] then draws the cells that differ from
//! what the display shows. So scrolling never reads the display, and a burst of output is drawn once.

use vte::{Params, Parser, Perform};

/// The largest grid: 1920 by 1080 pixels in characters of 8 by 8.
pub(crate) const MOST_COLUMNS: usize = 240;
/// Rows of the largest grid.
pub(crate) const MOST_ROWS: usize = 135;
const MOST_CELLS: usize = MOST_COLUMNS * MOST_ROWS / 2;

/// The sixteen colours of the terminal, in the order of its codes.
pub(crate) const LIGHT_GREY: u8 = 7;
const BLACK: u8 = 0;
const BRIGHT: u8 = 8;

/// A character and its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Printable ASCII; anything else is shown as `?`.
    pub(crate) character: u8,
    /// Foreground (low four bits) and background (high four).
    pub(crate) colours: u8,
}

impl Cell {
    const BLANK: Self = Self { character: b' ', colours: LIGHT_GREY };
    /// What the grids hold before a display is there: all zero, so that they lie in .bss.
    const NOTHING: Self = Self { character: 0, colours: 0 };
}

/// Something that shows cells.
pub(crate) trait Display {
    /// Characters a line.
    fn columns(&self) -> usize;
    /// Lines.
    fn rows(&self) -> usize;
    /// Shows a cell; `is_cursor` if the cursor stands on it.
    fn draw(&mut self, row: usize, column: usize, cell: Cell, is_cursor: bool);
}

/// A terminal on a display.
pub(crate) struct Screen<D> {
    /// `None` until a display is there.
    parser: Option<Parser>,
    grid: Grid,
    display: Option<D>,
}

struct Grid {
    cells: [Cell; MOST_CELLS],
    shown: [Cell; MOST_CELLS],
    /// Where the display shows the cursor.
    shown_cursor: Option<usize>,
    columns: usize,
    rows: usize,
    row: usize,
    /// May be equal to `columns`: the line is full and the next character wraps.
    column: usize,
    colours: u8,
    is_bold: bool,
    is_dirty: bool,
}

impl<D: Display> Screen<D> {
    pub(crate) const fn new() -> Self {
        let grid = Grid {
            cells: [Cell::NOTHING; MOST_CELLS],
            shown: [Cell::NOTHING; MOST_CELLS],
            shown_cursor: None,
            columns: 0,
            rows: 0,
            row: 0,
            column: 0,
            colours: LIGHT_GREY,
            is_bold: false,
            is_dirty: false,
        };
        Self { parser: None, grid, display: None }
    }

    /// Starts to show on `display`, which is clear.
    pub(crate) fn attach(&mut self, display: D) {
        self.grid.columns = display.columns().min(MOST_COLUMNS);
        self.grid.rows = display.rows().min(MOST_CELLS / self.grid.columns.max(1));
        self.grid.cells.fill(Cell::BLANK);
        self.grid.shown.fill(Cell::BLANK);
        self.grid.is_dirty = true;
        self.parser = Some(Parser::new());
        self.display = Some(display);
    }

    /// Takes text in; nothing is drawn yet.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if let Some(parser) = self.parser.as_mut()
            && self.grid.rows > 0
            && self.grid.columns > 0
        {
            parser.advance(&mut self.grid, bytes);
            self.grid.is_dirty = true;
        }
    }

    /// Draws what changed.
    pub(crate) fn flush(&mut self) {
        let Some(display) = self.display.as_mut() else { return };
        if !core::mem::take(&mut self.grid.is_dirty) {
            return;
        }
        let grid = &mut self.grid;
        let cursor = grid.row * grid.columns + grid.column.min(grid.columns.saturating_sub(1));
        let used = grid.columns * grid.rows;
        let moved = grid.shown_cursor != Some(cursor);
        let cells = grid.cells.iter().zip(grid.shown.iter_mut()).take(used);
        for (number, (cell, shown)) in cells.enumerate() {
            let cursor_changed = moved && (number == cursor || grid.shown_cursor == Some(number));
            if cell != shown || cursor_changed {
                *shown = *cell;
                display.draw(number / grid.columns, number % grid.columns, *cell, number == cursor);
            }
        }
        grid.shown_cursor = Some(cursor);
    }
}

impl Grid {
    fn blank(&self) -> Cell {
        Cell { character: b' ', colours: self.colours }
    }

    fn put(&mut self, character: u8) {
        if self.column >= self.columns {
            self.column = 0;
            self.line_feed();
        }
        let bright = if self.is_bold { BRIGHT } else { 0 };
        let cell = Cell { character, colours: self.colours | bright };
        if let Some(slot) = self.cells.get_mut(self.row * self.columns + self.column) {
            *slot = cell;
        }
        self.column += 1;
    }

    fn line_feed(&mut self) {
        if self.row + 1 < self.rows {
            self.row += 1;
            return;
        }
        let used = self.columns * self.rows;
        if let Some(cells) = self.cells.get_mut(..used) {
            cells.copy_within(self.columns.., 0);
        }
        self.erase(used - self.columns, used);
    }

    fn erase(&mut self, from: usize, to: usize) {
        let blank = self.blank();
        if let Some(cells) = self.cells.get_mut(from..to) {
            cells.fill(blank);
        }
    }

    fn set_colours(&mut self, params: &Params) {
        for param in params {
            let code = param.first().copied().unwrap_or(0) as u8;
            match code {
                0 => (self.colours, self.is_bold) = (LIGHT_GREY, false),
                1 => self.is_bold = true,
                22 => self.is_bold = false,
                30..=37 => self.colours = (self.colours & 0xf0) | (code - 30),
                39 => self.colours = (self.colours & 0xf0) | LIGHT_GREY,
                90..=97 => self.colours = (self.colours & 0xf0) | (code - 90) | BRIGHT,
                40..=47 => self.colours = (self.colours & 0x0f) | (code - 40) << 4,
                49 => self.colours = (self.colours & 0x0f) | BLACK << 4,
                _ => {}
            }
        }
    }
}

impl Perform for Grid {
    fn print(&mut self, character: char) {
        self.put(u8::try_from(character).ok().filter(u8::is_ascii_graphic).unwrap_or(match character {
            ' ' => b' ',
            _ => b'?',
        }));
    }

    fn execute(&mut self, byte: u8) {
        const TAB: usize = 8;
        match byte {
            b'\n' => {
                self.column = 0;
                self.line_feed();
            }
            b'\r' => self.column = 0,
            8 => self.column = self.column.min(self.columns - 1).saturating_sub(1),
            b'\t' => self.column = ((self.column / TAB + 1) * TAB).min(self.columns - 1),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, _intermediates: &[u8], is_cut: bool, action: char) {
        if is_cut {
            return;
        }
        let number =
            |place: usize| params.iter().nth(place).and_then(|param| param.first()).copied().unwrap_or(0);
        let steps = usize::from(number(0).max(1));
        let (last_row, last_column) = (self.rows - 1, self.columns - 1);
        let column = self.column.min(last_column);
        let here = self.row * self.columns + column;
        match action {
            'm' => self.set_colours(params),
            'A' => self.row = self.row.saturating_sub(steps),
            'B' => self.row = (self.row + steps).min(last_row),
            'C' => self.column = (column + steps).min(last_column),
            'D' => self.column = column.saturating_sub(steps),
            'G' => self.column = (steps - 1).min(last_column),
            'H' => {
                self.row = (steps - 1).min(last_row);
                self.column = usize::from(number(1).max(1) - 1).min(last_column);
            }
            'J' => match number(0) {
                0 => self.erase(here, self.columns * self.rows),
                1 => self.erase(0, here + 1),
                _ => self.erase(0, self.columns * self.rows),
            },
            'K' => {
                let line = self.row * self.columns;
                match number(0) {
                    0 => self.erase(here, line + self.columns),
                    1 => self.erase(line, here + 1),
                    _ => self.erase(line, line + self.columns),
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Paper {
        columns: usize,
        rows: usize,
        cells: Vec<u8>,
        cursor: usize,
    }

    impl Display for Paper {
        fn columns(&self) -> usize {
            self.columns
        }

        fn rows(&self) -> usize {
            self.rows
        }

        fn draw(&mut self, row: usize, column: usize, cell: Cell, is_cursor: bool) {
            self.cells[row * self.columns + column] = cell.character;
            if is_cursor {
                self.cursor = row * self.columns + column;
            }
        }
    }

    fn screen(columns: usize, rows: usize) -> Box<Screen<Paper>> {
        let mut screen = Box::new(Screen::new());
        screen.attach(Paper { columns, rows, cells: vec![b' '; columns * rows], cursor: 0 });
        screen
    }

    fn shown(text: &str, columns: usize, rows: usize) -> Vec<String> {
        let mut screen = screen(columns, rows);
        screen.write(text.as_bytes());
        screen.flush();
        let paper = screen.display.unwrap();
        paper.cells.chunks(columns).map(|row| String::from_utf8(row.to_vec()).unwrap()).collect()
    }

    #[test]
    fn long_line_wraps_and_full_screen_scrolls() {
        assert_eq!(shown("abcdefg\nh\ni", 5, 3), ["fg   ", "h    ", "i    "]);
    }

    #[test]
    fn backspace_space_backspace_erases_a_character() {
        assert_eq!(shown("ab\x08 \x08c", 4, 1), ["ac  "]);
    }

    #[test]
    fn clear_and_home_start_over() {
        assert_eq!(shown("abc\ndef\x1b[2J\x1b[Hx", 3, 2), ["x  ", "   "]);
    }

    #[test]
    fn colours_reach_the_cell() {
        let mut screen = screen(4, 1);
        screen.write(b"\x1b[1;31;44mx\x1b[0my");
        assert_eq!(screen.grid.cells[0], Cell { character: b'x', colours: 0x49 });
        assert_eq!(screen.grid.cells[1], Cell { character: b'y', colours: 7 });
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_leave_the_cursor_inside_and_the_display_equal_to_the_grid(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8),
            columns in 1_usize..20,
            rows in 1_usize..6,
        ) {
            let mut screen = screen(columns, rows);
            for part in &parts {
                screen.write(part);
                screen.flush();
                prop_assert!(screen.grid.row < rows && screen.grid.column <= columns);
            }
            let paper = screen.display.as_ref().unwrap();
            let cells: Vec<u8> = screen.grid.cells[..columns * rows].iter().map(|cell| cell.character).collect();
            prop_assert_eq!(&paper.cells, &cells);
        }
    }
}
