//! A line that wraps is shown as it is: on the kernel's screen, and on a terminal at the serial line, of any width.
//!
//! Random keys go to the line editor, its echo to both terminals. After each key, the cells must be those of the prompt
//! and the line, and the cursor must be where the next character goes.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use fastrand::Rng;
use shell::LineEditor;
use terminal::{BackwardWrap, Cell, Cells, Display, Screen};
use vte::{Params, Parser, Perform};

const PROMPT: &str = "tally:/# ";
const ROWS: usize = 60;
const KEYS: usize = 150;

/// What a terminal shows: rows of text, and the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Picture {
    rows: Vec<String>,
    cursor: (usize, usize),
}

/// The cells of a display, and where the cursor was drawn.
type Drawn = (Vec<u8>, (usize, usize));

/// The screen's display, for who looks at it.
#[derive(Clone)]
struct Paper {
    columns: usize,
    picture: Rc<RefCell<Drawn>>,
}

impl Display for Paper {
    fn columns(&self) -> usize {
        self.columns
    }

    fn rows(&self) -> usize {
        ROWS
    }

    fn draw(&mut self, row: usize, column: usize, cell: Cell, is_cursor: bool) {
        let mut picture = self.picture.borrow_mut();
        picture.0[row * self.columns + column] = cell.character;
        if is_cursor {
            picture.1 = (row, column);
        }
    }
}

impl Paper {
    fn picture(&self) -> Picture {
        let (cells, cursor) = &*self.picture.borrow();
        let rows = cells.chunks(self.columns).map(|row| row.iter().map(|byte| char::from(*byte)).collect());
        Picture { rows: rows.collect(), cursor: *cursor }
    }
}

/// A terminal as VT100 is: a backspace stops in the first column, and a row that is full keeps the cursor until more comes.
struct Vt100 {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    is_wrap_due: bool,
}

impl Vt100 {
    fn next_row(&mut self) {
        self.column = 0;
        self.is_wrap_due = false;
        if self.row + 1 < ROWS {
            self.row += 1;
        } else {
            self.rows.remove(0);
            self.rows.push(vec![' '; self.columns]);
        }
    }

    fn picture(&self) -> Picture {
        let rows = self.rows.iter().map(|row| row.iter().collect()).collect();
        Picture { rows, cursor: (self.row, self.column) }
    }
}

impl Perform for Vt100 {
    fn print(&mut self, character: char) {
        if self.is_wrap_due {
            self.next_row();
        }
        // The kernel's screen shows ASCII alone; so that both can be compared, this one does as well.
        self.rows[self.row][self.column] = if character.is_ascii() { character } else { '?' };
        self.is_wrap_due = self.column + 1 == self.columns;
        self.column = (self.column + 1).min(self.columns - 1);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.next_row(),
            b'\r' => (self.column, self.is_wrap_due) = (0, false),
            8 => (self.column, self.is_wrap_due) = (self.column.saturating_sub(1), false),
            other => panic!("control character {other}"),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, _: &[u8], _: bool, action: char) {
        let number = params.iter().next().map_or(0, |param| usize::from(param[0])).max(1);
        self.is_wrap_due = false;
        match action {
            'A' => self.row = self.row.saturating_sub(number),
            'B' => self.row = (self.row + number).min(ROWS - 1),
            'G' => self.column = (number - 1).min(self.columns - 1),
            other => panic!("control sequence {other}"),
        }
    }
}

/// Both terminals, and the echo to them.
struct Terminals {
    screen: Screen<'static, Paper>,
    paper: Paper,
    serial: BackwardWrap,
    parser: Parser,
    vt100: Vt100,
}

impl Terminals {
    fn new(columns: usize) -> Self {
        let picture = Rc::new(RefCell::new((vec![b' '; columns * ROWS], (0, 0))));
        let paper = Paper { columns, picture };
        let screen = Screen::new(paper.clone(), Box::leak(Box::new(Cells::new()))).expect("it has cells");
        let mut serial = BackwardWrap::new();
        serial.set_columns(columns);
        let rows = vec![vec![' '; columns]; ROWS];
        let vt100 = Vt100 { columns, rows, row: 0, column: 0, is_wrap_due: false };
        Self { screen, paper, serial, parser: Parser::new(), vt100 }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.screen.write(bytes);
        let (parser, vt100) = (&mut self.parser, &mut self.vt100);
        self.serial.write(bytes, &mut |bytes| parser.advance(vt100, bytes));
    }

    /// What both show while the kernel waits for a key.
    fn pictures(&mut self) -> [Picture; 2] {
        self.screen.settle();
        self.screen.flush();
        let (parser, vt100) = (&mut self.parser, &mut self.vt100);
        self.serial.settle(&mut |bytes| parser.advance(vt100, bytes));
        [self.paper.picture(), self.vt100.picture()]
    }
}

impl fmt::Write for Terminals {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}

/// The line as it should be.
#[derive(Default)]
struct Model {
    before: Vec<char>,
    /// What is behind the cursor, the next character last.
    behind: Vec<char>,
}

impl Model {
    /// Does what a key does, and says what it sends.
    fn press(&mut self, key: usize) -> String {
        match key {
            0 => {
                self.before.pop();
                "\x7f"
            }
            1 => {
                self.behind.pop();
                "\x1b[3~"
            }
            2 => {
                self.behind.extend(self.before.pop());
                "\x1b[D"
            }
            3 => {
                self.before.extend(self.behind.pop());
                "\x1b[C"
            }
            4 => {
                self.behind.extend(self.before.drain(..).rev());
                "\x01"
            }
            5 => {
                self.before.extend(self.behind.drain(..).rev());
                "\x05"
            }
            6 => {
                self.behind.clear();
                "\x0b"
            }
            7 => {
                self.before.clear();
                self.behind.clear();
                "\x15"
            }
            _ => {
                let character = if key == 8 { 'é' } else { char::from(b'!' + key as u8) };
                self.before.push(character);
                return character.to_string();
            }
        }
        .to_string()
    }

    fn picture(&self, columns: usize, above: usize) -> Picture {
        let line = self.before.iter().chain(self.behind.iter().rev());
        let shown: Vec<char> = PROMPT.chars().chain(line.copied()).collect();
        let mut rows = vec![String::from("above"); above];
        rows.extend(shown.chunks(columns).map(|row| {
            row.iter().map(|character| if character.is_ascii() { *character } else { '?' }).collect()
        }));
        let at = PROMPT.len() + self.before.len();
        Picture { rows, cursor: (above + at / columns, at % columns) }
    }
}

/// What is expected, as the rows that are left once the first ones have scrolled away.
fn assert_shown(found: &Picture, expected: &Picture, scrolled: usize, what: &str) {
    let rows = found.rows.iter().map(|row| row.trim_end());
    let mut wanted =
        expected.rows.iter().skip(scrolled).map(|row| row.trim_end().to_string()).collect::<Vec<_>>();
    wanted.resize(ROWS, String::new());
    assert!(rows.eq(wanted.iter().map(String::as_str)), "{what}: {found:#?}, expected {wanted:#?}");
    assert_eq!(found.cursor, (expected.cursor.0 - scrolled, expected.cursor.1), "{what}");
}

#[test]
fn random_keys_show_the_line_at_any_width() {
    for columns in 1..=200 {
        // On wide terminals some rows are taken already, so that the line scrolls.
        for above in [0, ROWS - 2] {
            let mut random = Rng::with_seed(columns as u64);
            let mut terminals = Terminals::new(columns);
            if columns >= 5 {
                (0..above).for_each(|_| terminals.write(b"above\n"));
            }
            let above = if columns >= 5 { above } else { 0 };
            terminals.write(PROMPT.as_bytes());
            let (mut editor, mut model) = (LineEditor::new(), Model::default());
            // A line is no longer than the terminal has room for: what has scrolled away cannot be reached.
            let max_characters = (columns * (ROWS - 2) - PROMPT.len().min(columns * 8)).min(400);
            // The most rows that there ever were.
            let mut rows = 0;
            for number in 0..KEYS {
                let is_growing = number / 50 % 2 == 0;
                let key = if random.usize(..3) > 0 && is_growing {
                    9 + random.usize(..80)
                } else {
                    random.usize(..9)
                };
                // A person pastes as well as types.
                for _ in 0..if key > 7 { 1 + random.usize(..columns.min(12)) } else { 1 } {
                    if key > 7 && model.before.len() + model.behind.len() >= max_characters {
                        break;
                    }
                    for byte in model.press(key).bytes() {
                        editor.feed(byte, &mut terminals).unwrap();
                    }
                    let length = PROMPT.len() + model.before.len() + model.behind.len();
                    rows = rows.max(above + length.div_ceil(columns));
                }
                let expected = model.picture(columns, above);
                let line: String = model.before.iter().chain(model.behind.iter().rev()).collect();
                assert_eq!(editor.line(), line);
                // The cursor may need a row of its own.
                rows = rows.max(expected.cursor.0 + 1);
                let scrolled = rows.saturating_sub(ROWS);
                for (picture, name) in terminals.pictures().iter().zip(["screen", "serial"]) {
                    let what = format!("{name}, {columns} columns, key {number}");
                    assert_shown(picture, &expected, scrolled, &what);
                }
            }
        }
    }
}

/// The case that was seen: 140 digits on 128 columns, 60 of them taken back, and a letter put in front.
#[test]
fn long_line_shrinks_and_is_changed_at_its_start() {
    for columns in [80, 128] {
        let mut terminals = Terminals::new(columns);
        terminals.write(PROMPT.as_bytes());
        let mut editor = LineEditor::new();
        let keys = format!("echo {}{}\x01X", "1234567890".repeat(14), "\x7f".repeat(60));
        for byte in keys.bytes() {
            editor.feed(byte, &mut terminals).unwrap();
        }
        let line = format!("{PROMPT}Xecho {}", "1234567890".repeat(8));
        let rows =
            line.as_bytes().chunks(columns).map(|row| String::from_utf8(row.to_vec()).unwrap()).collect();
        let expected = Picture { rows, cursor: (0, PROMPT.len() + 1) };
        for (picture, name) in terminals.pictures().iter().zip(["screen", "serial"]) {
            assert_shown(picture, &expected, 0, name);
        }
    }
}
