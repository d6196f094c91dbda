//! The smallest framebuffers: the end of a crash report is on the screen, whatever came before it.
//!
//! A report ends with the cause, the address, the function with its file and line, and how to restart. In letters of
//! 8 by 16, 320x200 pixels are 40 by 12 characters, and 640x480 are 80 by 30. The kernel's own reports are checked on
//! VGA's text screen by the scenario `panic-text-mode`.

#![expect(clippy::expect_used, reason = "a test may stop at what it did not expect")]

use std::cell::RefCell;

use terminal::{Cell, Cells, Display, Screen};

const SIZES: [(usize, usize); 2] = [(320 / 8, 200 / 16), (640 / 8, 480 / 16)];

const PAGE_FAULT: [&str; 4] = [
    "exception 14: page fault, error code 0x0",
    "could not read 0x000000000000000b (null pointer): nothing is mapped there",
    "in tally::bugs::adapter::read_adapter_that_was_never_found+0xd kernel/src/bugs/adapter.rs:41",
    "stopped; reset the machine to start it again (panic=reboot does so by itself)",
];

/// The longest end that a fault of `bug` has: its function was inlined.
const PANIC: [&str; 4] = [
    "panic at kernel/src/bugs/mod.rs:50:42: asked for by a person",
    "in {closure#0} kernel/src/bugs/mod.rs:50",
    "inlined in <tally::bugs::BUGS::{closure#0} as core::ops::function::FnOnce<()>>::call_once+0x1c \
     library/core/src/ops/function.rs:250",
    "stopped; reset the machine to start it again (panic=reboot does so by itself)",
];

/// The characters of a display, row by row.
struct Paper<'a> {
    columns: usize,
    rows: usize,
    cells: &'a RefCell<Vec<u8>>,
}

impl Display for Paper<'_> {
    fn columns(&self) -> usize {
        self.columns
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn draw(&mut self, row: usize, column: usize, cell: Cell, _is_cursor: bool) {
        if let Some(shown) = self.cells.borrow_mut().get_mut(row * self.columns + column) {
            *shown = cell.character;
        }
    }
}

/// What a screen of this size shows after a report with this end, row after row without a break.
fn shown(columns: usize, rows: usize, end: &[&str]) -> String {
    let characters = RefCell::new(vec![b' '; columns * rows]);
    let mut cells = Box::new(Cells::new());
    let paper = Paper { columns, rows, cells: &characters };
    let mut screen = Screen::new(paper, &mut cells).expect("the display has room");
    for number in 0..60 {
        let line = format!("  {number:#018x} a frame of a call stack that is longer than a narrow row\n");
        screen.write(line.replace('\n', "\r\n").as_bytes());
    }
    for line in end {
        screen.write(format!("{line}\r\n").as_bytes());
    }
    screen.flush();
    drop(screen);
    String::from_utf8(characters.into_inner()).expect("the grid shows ASCII alone")
}

#[test]
fn the_end_of_a_report_is_whole_on_the_smallest_screens() {
    for (columns, rows) in SIZES {
        for end in [PAGE_FAULT, PANIC] {
            let text = shown(columns, rows, &end);
            for line in end {
                assert!(text.contains(line), "{columns}x{rows} does not show `{line}`:\n{text}");
            }
        }
    }
}

#[test]
fn a_screen_with_too_few_rows_fails_the_check() {
    let text = shown(40, 8, &PANIC);
    assert!(!text.contains("panic at "), "the check would not notice a line that has scrolled away:\n{text}");
}
