//! The lines of a dump: `~`, the text, `*` and a check.

use core::fmt::{self, Write};

use crc32fast::Hasher;

/// The lines that were written.
pub(super) struct Lines<'a> {
    out: &'a mut dyn Write,
    /// Over the checksums of all lines, so each byte is hashed once.
    all: Hasher,
    count: u64,
}

/// The text of one line, while it is written.
pub(super) struct Text<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.hasher.update(text.as_bytes());
        self.out.write_str(text)
    }
}

impl<'a> Lines<'a> {
    /// None yet.
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, all: Hasher::new(), count: 0 }
    }

    /// Writes a line. `write` writes its text, which has neither `~` nor `*`.
    pub(super) fn line(&mut self, write: impl FnOnce(&mut Text<'_>) -> fmt::Result) -> fmt::Result {
        self.out.write_char('~')?;
        let mut text = Text { out: self.out, hasher: Hasher::new() };
        write(&mut text)?;
        let checksum = text.hasher.finalize();
        self.all.update(&checksum.to_le_bytes());
        self.count += 1;
        writeln!(self.out, "*{:04x}", checksum & 0xffff)
    }

    /// As [`Lines::line`], for a text of fixed form.
    pub(super) fn print(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        self.line(|line| line.write_fmt(text))
    }

    /// Writes the last line: how many there were before, and the checksum over all of them.
    pub(super) fn end(&mut self) -> fmt::Result {
        let (count, checksum) = (self.count, self.all.clone().finalize());
        self.print(format_args!("end {count} {checksum:08x}"))
    }
}

/// A text as one word: other characters than the visible ones of ASCII, and those with a meaning here, are written as `%`
/// and two hexadecimal digits for each byte. An empty text is `-`.
pub(super) struct Word<'a>(pub(super) &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => return out.write_char('-'),
            "-" => return out.write_str("%2d"),
            _ => {}
        }
        for byte in self.0.bytes() {
            match byte {
                b'%' | b'*' | b'~' => write!(out, "%{byte:02x}")?,
                b'!'..=b'~' => out.write_char(byte.into())?,
                _ => write!(out, "%{byte:02x}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_no_space_and_no_sign_of_the_format() {
        let words =
            ["", "-", "--", "a b", "~*%", "é\n", "core::ptr<[u8; 4]>"].map(|text| Word(text).to_string());
        assert_eq!(words, ["-", "%2d", "--", "a%20b", "%7e%2a%25", "%c3%a9%0a", "core::ptr<[u8;%204]>"]);
    }

    #[test]
    fn each_line_has_its_check_and_the_last_one_that_of_all() {
        let mut text = String::new();
        let mut lines = Lines::new(&mut text);
        lines.print(format_args!("a {}", 1)).unwrap();
        lines.line(|line| line.write_str("b")).unwrap();
        lines.end().unwrap();
        let sums = ["a 1", "b"].map(|line| crc32fast::hash(line.as_bytes()));
        let end = format!("end 2 {:08x}", crc32fast::hash(&sums.map(u32::to_le_bytes).concat()));
        let checked = |text: &str| format!("~{text}*{:04x}\n", crc32fast::hash(text.as_bytes()) & 0xffff);
        assert_eq!(text, checked("a 1") + &checked("b") + &checked(&end));
    }
}
