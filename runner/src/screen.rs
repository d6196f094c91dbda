//! A machine's screen: as a picture, or as text if the screen is in text mode.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::vm::{COMMAND_LIMIT, Vm};

/// How long a screen must stay the same to count as still.
const STILL: Duration = Duration::from_millis(300);
/// Time between two looks at a screen while waiting.
const LOOK: Duration = Duration::from_millis(100);

/// Where VGA keeps the characters of text mode 3, and how many: a byte each, and a byte for the colours.
const TEXT_ADDRESS: u64 = 0xb8000;
const TEXT_COLUMNS: usize = 80;
const TEXT_CELLS: usize = TEXT_COLUMNS * 25;

impl Vm {
    /// The screen as it is now, as a PPM picture.
    pub(crate) fn screen(&mut self) -> Result<Vec<u8>> {
        let file = self.log_file("ppm");
        self.monitor().dump_screen(&file)?;
        fs::read(&file).map_err(Error::host(format!("reading {}", file.display())))
    }

    /// The screen once it no longer changes: QEMU and the kernel may draw later than the serial port prints.
    pub(crate) fn still_screen(&mut self) -> Result<Vec<u8>> {
        let mut last = self.screen()?;
        for _ in 0..COMMAND_LIMIT.as_millis() / STILL.as_millis() {
            thread::sleep(STILL);
            let now = self.screen()?;
            if now == last {
                return Ok(now);
            }
            last = now;
        }
        Err(Error::Timeout { awaited: "screen that holds still".into(), limit: COMMAND_LIMIT })
    }

    /// Waits until the screen is as it should be.
    pub(crate) fn wait_for_screen(
        &mut self,
        awaited: &str,
        limit: Duration,
        is_right: impl Fn(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !is_right(self)? {
            if Instant::now() > deadline {
                return Err(Error::Timeout { awaited: awaited.into(), limit });
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The 25 lines of a screen in text mode, as one string of 80 characters a line.
    pub(crate) fn screen_text(&mut self) -> Result<String> {
        let cells = TEXT_CELLS;
        let dump = self.monitor().command_line(&format!("xp /{cells}hx {TEXT_ADDRESS:#x}"))?;
        Ok(decode_text(&dump))
    }

    /// The same as text: a line that fills its row continues in the next one; blanks after its end are removed.
    pub(crate) fn screen_lines(&mut self) -> Result<String> {
        let cells: Vec<char> = self.screen_text()?.chars().collect();
        Ok(join_rows(&cells))
    }

    /// Saves a picture of the screen next to the serial log, if QEMU still runs and has a screen.
    pub(crate) fn keep_screen(&mut self) {
        let file = self.log_file("png");
        let _ = self.monitor().dump_screen(&file);
    }
}

/// The characters in a dump of cells (`00000000000b8000: 0x0741 0x0742`), each the low byte of its word.
fn decode_text(dump: &str) -> String {
    let words = dump.split_whitespace().filter_map(|word| word.get(..6)?.strip_prefix("0x"));
    let cells = words.filter_map(|digits| u16::from_str_radix(digits, 16).ok());
    cells.map(|cell| char::from(cell.to_le_bytes()[0])).collect()
}

fn join_rows(cells: &[char]) -> String {
    let mut text = String::new();
    for row in cells.chunks(TEXT_COLUMNS) {
        text.extend(row);
        if row.last() == Some(&' ') {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{TEXT_COLUMNS, decode_text, join_rows};

    #[test]
    fn a_full_row_continues_in_the_next() {
        let full = "x".repeat(TEXT_COLUMNS);
        let cells: Vec<char> = format!("{:<80}{full}{:<80}{:<80}", "one", "two", "").chars().collect();
        assert_eq!(join_rows(&cells), format!("one\n{full}two\n\n"));
    }

    #[test]
    fn characters_are_the_low_bytes() {
        let dump =
            "{\"return\": \"00000000000b8000: 0x0754 0x0761\\r\\n00000000000b8004: 0x076c 0x076c\\r\\n\"}";
        assert_eq!(decode_text(dump), "Tall");
        assert_eq!(decode_text(""), "");
    }
}
