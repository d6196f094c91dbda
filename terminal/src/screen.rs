//! The screen: a terminal emulator that draws on any display.
//!
//! Text and control sequences change the grid only; [`Screen::flush`] then draws the cells that differ from
//! what the display shows. So scrolling never reads the display, and a burst of output is drawn once.

use core::fmt;

use vte::Parser;

use super::grid::{Grid, MAX_ROWS};

/// Maximum number of columns; of a wider display only these are used.
pub const MAX_COLUMNS: usize = 240;
/// Maximum number of cells: those of 1920 by 1080 pixels with a font of 8 by 16.
const MAX_CELLS: usize = MAX_COLUMNS * 68;

/// The colour of ordinary text.
pub const LIGHT_GREY: u8 = 7;

/// A character and its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Printable ASCII; anything else is shown as `?`.
    pub character: u8,
    /// Foreground (low four bits) and background (high four): red 1, green 2, blue 4, bright 8.
    pub colours: u8,
}

impl Cell {
    /// The cell of a clear screen.
    pub const BLANK: Self = Self { character: b' ', colours: LIGHT_GREY };
    /// The initial value of the memory: all zero, so that it is in .bss.
    const NOTHING: Self = Self { character: 0, colours: 0 };
}

/// Something that shows cells.
pub trait Display {
    /// Number of columns, in characters.
    fn columns(&self) -> usize;
    /// Number of rows, in characters.
    fn rows(&self) -> usize;
    /// Draws a cell, with the cursor if `is_cursor`. A position outside of the display is ignored.
    fn draw(&mut self, row: usize, column: usize, cell: Cell, is_cursor: bool);
}

/// Why a display cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The display's memory could not be mapped.
    NoMemory,
    /// The display's memory is at an invalid address.
    BadAddress,
    /// Unsupported format of pixels, or of the font.
    Format,
    /// The display is smaller than one character.
    TooSmall,
    /// The memory is used by another screen.
    Taken,
}

impl fmt::Display for Unusable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NoMemory => "no memory, or no free addresses, to map it",
            Self::BadAddress => "its address is invalid",
            Self::Format => "its format is not supported",
            Self::TooSmall => "it has no room for a character",
            Self::Taken => "there is a screen already",
        })
    }
}

/// The memory of a screen.
pub struct Cells {
    wanted: [Cell; MAX_CELLS],
    shown: [Cell; MAX_CELLS],
}

impl Cells {
    /// Memory for the largest screen.
    #[expect(
        clippy::large_stack_arrays,
        clippy::new_without_default,
        reason = "made at compile time, into a static"
    )]
    pub const fn new() -> Self {
        Self { wanted: [Cell::NOTHING; MAX_CELLS], shown: [Cell::NOTHING; MAX_CELLS] }
    }
}

/// A terminal on a display.
pub struct Screen<'a, D> {
    parser: Parser,
    grid: Grid<'a>,
    shown: &'a mut [Cell],
    /// Row and column where the display shows the cursor.
    shown_cursor: Option<(usize, usize)>,
    display: D,
}

impl<'a, D: Display> Screen<'a, D> {
    /// A terminal on `display`, which must be clear.
    ///
    /// # Errors
    ///
    /// [`Unusable::TooSmall`] if the display has no room for a character.
    pub fn new(display: D, cells: &'a mut Cells) -> Result<Self, Unusable> {
        let columns = display.columns().min(MAX_COLUMNS);
        let rows = MAX_CELLS.checked_div(columns).unwrap_or(0).min(display.rows()).min(MAX_ROWS);
        let (grid, shown) = Self::lay_out(cells, columns, rows).ok_or(Unusable::TooSmall)?;
        Ok(Self { parser: Parser::new(), grid, shown, shown_cursor: None, display })
    }

    /// The memory for this size: the grid, and the cells that the display shows.
    fn lay_out(cells: &'a mut Cells, columns: usize, rows: usize) -> Option<(Grid<'a>, &'a mut [Cell])> {
        let wanted = cells.wanted.get_mut(..columns * rows)?;
        let shown = cells.shown.get_mut(..columns * rows)?;
        shown.fill(Cell::BLANK);
        Some((Grid::new(wanted, columns, rows)?, shown))
    }

    /// Takes text and control sequences; draws nothing yet.
    pub fn write(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.grid, bytes);
    }

    /// Moves the cursor to where the next character goes: after a full row, to the next one.
    pub fn settle(&mut self) {
        self.grid.settle();
    }

    /// Draws what changed.
    pub fn flush(&mut self) {
        let cursor = self.grid.cursor();
        let old_cursor = self.shown_cursor.replace(cursor);
        if old_cursor != Some(cursor) {
            self.grid.mark_row(cursor.0);
            if let Some((row, _)) = old_cursor {
                self.grid.mark_row(row);
            }
        }
        for row in self.grid.take_changed_rows() {
            let line = self.grid.line(row);
            let shown = self.shown.chunks_exact_mut(line.len().max(1)).nth(row).unwrap_or_default();
            for (column, (cell, shown)) in line.iter().zip(shown).enumerate() {
                let place = Some((row, column));
                let is_cursor = place == Some(cursor);
                if cell != shown || is_cursor != (place == old_cursor) {
                    *shown = *cell;
                    self.display.draw(row, column, *cell, is_cursor);
                }
            }
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
        cells: Vec<Cell>,
        /// Places that were drawn with the cursor and not drawn again without it.
        cursors: Vec<(usize, usize)>,
        drawn: usize,
    }

    impl Display for Paper {
        fn columns(&self) -> usize {
            self.columns
        }

        fn rows(&self) -> usize {
            self.rows
        }

        fn draw(&mut self, row: usize, column: usize, cell: Cell, is_cursor: bool) {
            assert!(row < self.rows && column < self.columns);
            self.cells[row * self.columns + column] = cell;
            self.drawn += 1;
            self.cursors.retain(|&place| place != (row, column));
            if is_cursor {
                self.cursors.push((row, column));
            }
        }
    }

    fn screen(columns: usize, rows: usize) -> Screen<'static, Paper> {
        let cells = vec![Cell::BLANK; columns * rows];
        let paper = Paper { columns, rows, cells, cursors: Vec::new(), drawn: 0 };
        Screen::new(paper, Box::leak(Box::new(Cells::new()))).unwrap()
    }

    fn shown_lines(screen: &Screen<'_, Paper>) -> Vec<String> {
        let rows = screen.display.cells.chunks(screen.display.columns);
        rows.map(|row| row.iter().map(|cell| char::from(cell.character)).collect()).collect()
    }

    fn shown(text: &str, columns: usize, rows: usize) -> Vec<String> {
        let mut screen = screen(columns, rows);
        screen.write(text.as_bytes());
        screen.flush();
        shown_lines(&screen)
    }

    #[test]
    fn long_line_wraps_and_full_screen_scrolls() {
        assert_eq!(shown("abcdefg\nh\ni", 5, 3), ["fg   ", "h    ", "i    "]);
    }

    #[test]
    fn full_line_wraps_only_when_more_comes() {
        assert_eq!(shown("abcde\nf", 5, 2), ["abcde", "f    "]);
    }

    #[test]
    fn backspace_space_backspace_erases_a_character() {
        assert_eq!(shown("ab\x08 \x08c", 4, 1), ["ac  "]);
    }

    #[test]
    fn backspace_goes_back_over_a_wrap_and_no_further() {
        assert_eq!(shown("abcde\x08\x08XY", 3, 3), ["abc", "XY ", "   "]);
        assert_eq!(shown("abcde\x08\x08\x08XYZ", 3, 3), ["abX", "YZ ", "   "]);
        assert_eq!(shown("abc\x08X", 3, 2), ["abX", "   "]);
        assert_eq!(shown("abc\nd\x08\x08X", 3, 2), ["abc", "X  "]);
        // The line has scrolled with all its rows.
        assert_eq!(shown("a\nbcdefgh\x08\x08\x08\x08\x08X", 3, 3), ["bcX", "efg", "h  "]);
    }

    #[test]
    fn cursor_settles_in_the_next_row() {
        let mut screen = screen(3, 2);
        screen.write(b"abc");
        screen.settle();
        screen.flush();
        assert_eq!(screen.display.cursors, [(1, 0)]);
        screen.write(b"\x08X");
        screen.flush();
        assert_eq!(shown_lines(&screen), ["abX", "   "]);
    }

    #[test]
    fn carriage_return_and_tab_move_in_the_line() {
        assert_eq!(shown("abc\rX\tY", 12, 1), ["Xbc     Y   "]);
    }

    #[test]
    fn clear_and_home_start_over() {
        assert_eq!(shown("abc\ndef\x1b[2J\x1b[Hx", 3, 2), ["x  ", "   "]);
    }

    #[test]
    fn erasing_works_after_scrolling() {
        assert_eq!(shown("a\nb\nc\nd\x1b[2;1H\x1b[J", 2, 3), ["b ", "  ", "  "]);
        assert_eq!(shown("a\nb\nc\nd\x1b[2;1H\x1b[1J", 2, 3), ["  ", "  ", "d "]);
        assert_eq!(shown("abcd\x1b[3G\x1b[1K", 4, 1), ["   d"]);
        assert_eq!(shown("abcd\x1b[3G\x1b[K", 4, 1), ["ab  "]);
    }

    #[test]
    fn cursor_moves_stop_at_the_edges() {
        assert_eq!(shown("\x1b[9;9Hx\x1b[99A\x1b[99Dy\x1b[99B\x1b[99C\x1b[2Dz", 3, 2), ["y  ", "z x"]);
    }

    #[test]
    fn unknown_and_private_sequences_do_nothing() {
        assert_eq!(shown("a\x1b[?2J\x1b]0;title\x07\x1b[9z\x1b(Bb\u{e9}", 4, 1), ["ab? "]);
    }

    #[test]
    fn colours_reach_the_cell() {
        let mut screen = screen(6, 1);
        screen.write(b"\x1b[1;31;44mx\x1b[0my\x1b[97mz\x1b[38;5;1;48;2;1;2;3mw");
        screen.flush();
        let colours: Vec<u8> = screen.display.cells.iter().map(|cell| cell.colours).collect();
        assert_eq!(colours[..4], [0x49, 0x07, 0x0f, 0x0f]);
    }

    #[test]
    fn only_what_changed_is_drawn() {
        let mut screen = screen(80, 25);
        screen.write(b"hello");
        screen.flush();
        // Five letters and the cursor.
        assert_eq!(screen.display.drawn, 6);
        screen.flush();
        assert_eq!(screen.display.drawn, 6);
    }

    #[test]
    fn display_without_room_is_refused() {
        for (columns, rows) in [(0, 25), (80, 0)] {
            let paper = Paper { columns, rows, cells: Vec::new(), cursors: Vec::new(), drawn: 0 };
            let refused = Screen::new(paper, &mut Cells::new()).err();
            assert_eq!(refused, Some(Unusable::TooSmall));
            assert_eq!(Unusable::TooSmall.to_string(), "it has no room for a character");
        }
    }

    /// Bytes that often form control sequences.
    fn noise() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "\x1b\\[[0-9;?]{0,12}[ABCDGHJKmz]".prop_map(String::into_bytes),
            "[a-z \n\r\t\x08]{0,30}".prop_map(String::into_bytes),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_leave_one_cursor_and_the_display_equal_to_the_grid(
            parts in prop::collection::vec(noise(), 0..6),
            columns in 1_usize..20,
            rows in 1_usize..6,
        ) {
            let mut screen = screen(columns, rows);
            for part in &parts {
                screen.write(part);
                screen.flush();
                prop_assert_eq!(&screen.display.cursors, &[screen.grid.cursor()]);
                let wanted: Vec<Cell> = (0..rows).flat_map(|row| screen.grid.line(row).to_vec()).collect();
                prop_assert_eq!(&screen.display.cells, &wanted);
            }
        }
    }
}
