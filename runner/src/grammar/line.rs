//! A line, read from its start by the parts of a C format string.

use crate::error::{Error, Result, ensure};

/// One line, and how far it has been read.
#[derive(Clone)]
pub(super) struct Line<'a> {
    file: &'static str,
    whole: &'a str,
    rest: &'a str,
}

/// The lines of a file, each of which must end with a newline. An empty file has none.
pub(super) fn lines<'a>(file: &'static str, text: &'a str) -> Result<Vec<Line<'a>>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Some(text) = text.strip_suffix('\n') else {
        return Err(Error::Wrong(format!("{file}: the last line does not end with a newline")));
    };
    let lines: Vec<_> = text.split('\n').map(|line| Line { file, whole: line, rest: line }).collect();
    if let Some(line) = lines.iter().find(|line| line.whole.contains(|c: char| c.is_control() && c != '\t')) {
        return Err(line.wrong("text without control characters"));
    }
    Ok(lines)
}

/// The one line of a file that has no more.
pub(super) fn only_line<'a>(file: &'static str, text: &'a str) -> Result<Line<'a>> {
    let mut lines = lines(file, text)?;
    ensure!(lines.len() == 1, "{file}: {} lines, one is expected", lines.len());
    lines.pop().ok_or_else(|| Error::Wrong(format!("{file}: empty")))
}

impl<'a> Line<'a> {
    /// An error that says what was expected where reading stopped.
    pub(super) fn wrong(&self, expected: &str) -> Error {
        let column = self.whole.len() - self.rest.len() + 1;
        Error::Wrong(format!("{}: `{}`: expected {expected} in column {column}", self.file, self.whole))
    }

    /// Literal text of the format string.
    pub(super) fn literal(&mut self, text: &str) -> Result<()> {
        if self.skips(text) { Ok(()) } else { Err(self.wrong(&format!("`{text}`"))) }
    }

    /// The same, if it is optional: was it there?
    pub(super) fn skips(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `%{width}lu`
    pub(super) fn unsigned(&mut self, width: usize) -> Result<u64> {
        let digits = self.padded(width, |c| c.is_ascii_digit())?;
        let is_plain = digits == "0" || !digits.starts_with('0');
        digits
            .parse()
            .ok()
            .filter(|_| is_plain)
            .ok_or_else(|| self.wrong("a decimal number that fits 64 bits before"))
    }

    /// `%{width}ld`
    pub(super) fn signed(&mut self, width: usize) -> Result<i64> {
        let digits = self.padded(width, |c| c.is_ascii_digit() || c == '-')?;
        let number = digits.parse::<i64>().ok().filter(|number| number.to_string() == digits);
        number.ok_or_else(|| self.wrong("a decimal number that fits 64 bits before"))
    }

    /// `%lu.%0{places}lu`
    pub(super) fn decimal(&mut self, width: usize, places: usize) -> Result<()> {
        self.unsigned(width)?;
        self.literal(".")?;
        let digits = self.run(|c| c.is_ascii_digit());
        if digits.len() == places { Ok(()) } else { Err(self.wrong(&format!("{places} decimals before"))) }
    }

    /// `%0{digits}llx`
    pub(super) fn hex(&mut self, digits: usize) -> Result<u64> {
        let run = self.run(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        let is_plain = run.len() == digits || run.len() > digits && !run.starts_with('0');
        u64::from_str_radix(run, 16)
            .ok()
            .filter(|_| is_plain)
            .ok_or_else(|| self.wrong(&format!("{digits} hexadecimal digits before")))
    }

    /// `%{width}s` of something without blanks.
    pub(super) fn right(&mut self, width: usize) -> Result<&'a str> {
        self.padded(width, |c| c != ' ')
    }

    /// `%-{width}s` of something without blanks.
    pub(super) fn left(&mut self, width: usize) -> Result<&'a str> {
        let word = self.word()?;
        self.literal(&" ".repeat(width.saturating_sub(word.len())))?;
        Ok(word)
    }

    /// `%s` of something without blanks.
    pub(super) fn word(&mut self) -> Result<&'a str> {
        self.padded(0, |c| c != ' ' && c != '\t')
    }

    /// Everything up to a text, which is read as well.
    pub(super) fn up_to(&mut self, end: &str) -> Result<&'a str> {
        let (found, rest) = self.rest.split_once(end).ok_or_else(|| self.wrong(&format!("`{end}` after")))?;
        self.rest = rest;
        Ok(found)
    }

    /// Everything that has not been read.
    pub(super) fn remainder(&mut self) -> &'a str {
        std::mem::take(&mut self.rest)
    }

    /// Has everything been read?
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The end of the line.
    pub(super) fn end(&self) -> Result<()> {
        if self.is_at_end() { Ok(()) } else { Err(self.wrong("the end of the line")) }
    }

    /// `%pS`, at the end of a line: function, offset, the function's size and its module, or an address.
    pub(super) fn symbol(&mut self) -> Result<()> {
        if self.skips("0x") {
            self.hex(16)?;
            return self.end();
        }
        let function = self.up_to("+0x")?;
        // Older Linux has the address before the name.
        let is_name = !function.is_empty() && function.trim() == function && !function.starts_with("[<");
        ensure!(is_name, "{}: `{function}` is no function", self.file);
        let offset = self.hex(1)?;
        self.literal("/0x")?;
        let size = self.hex(1)?;
        // A call may be a function's last instruction.
        ensure!(offset <= size, "{}: {function} has {size:#x} bytes, no {offset:#x}", self.file);
        if self.skips(" [") {
            self.up_to("]")?;
        }
        self.end()
    }

    /// At least one character of a kind, after exactly the blanks that pad it to `width`.
    fn padded(&mut self, width: usize, is_part: impl Fn(char) -> bool) -> Result<&'a str> {
        let trimmed = self.rest.trim_start_matches(' ');
        let blanks = self.rest.len() - trimmed.len();
        let run = trimmed.split(|c| !is_part(c)).next().unwrap_or_default();
        if run.is_empty() || blanks != width.saturating_sub(run.len()) {
            return Err(self.wrong(&format!("a field of {width} columns")));
        }
        self.rest = trimmed.get(run.len()..).unwrap_or_default();
        Ok(run)
    }

    fn run(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let run = self.rest.split(|c| !is_part(c)).next().unwrap_or_default();
        self.rest = self.rest.get(run.len()..).unwrap_or_default();
        run
    }
}

#[cfg(test)]
mod tests {
    use super::{lines, only_line};

    #[test]
    fn fields_have_their_width() {
        let reads = |text, width| only_line("t", text).unwrap().unsigned(width).ok();
        assert_eq!(reads("   7\n", 4), Some(7));
        assert_eq!(reads("12345\n", 4), Some(12345));
        assert_eq!(reads("  7\n", 4), None);
        assert_eq!(reads(" 12345\n", 4), None);
        assert_eq!(reads("0007\n", 4), None);
        assert_eq!(reads("99999999999999999999\n", 4), None);
        assert_eq!(only_line("t", "  -3\n").unwrap().signed(4).ok(), Some(-3));
        assert!(only_line("t", "--3\n").unwrap().signed(0).is_err());
        assert_eq!(only_line("t", "00ff\n").unwrap().hex(4).ok(), Some(255));
        assert!(only_line("t", "00ff\n").unwrap().hex(3).is_err());
        assert!(only_line("t", "1.2\n").unwrap().decimal(0, 2).is_err());
        assert_eq!(only_line("t", "ab  c\n").unwrap().left(4).ok(), Some("ab"));
        assert!(only_line("t", "ab c\n").unwrap().left(4).is_err());
        assert_eq!(only_line("t", "  ab c\n").unwrap().right(4).ok(), Some("ab"));
    }

    #[test]
    fn each_line_ends() {
        assert_eq!(lines("t", "").unwrap().len(), 0);
        assert_eq!(lines("t", "a\n\n").unwrap().len(), 2);
        assert!(lines("t", "a").is_err());
        assert!(lines("t", "a\r\n").is_err());
        assert!(only_line("t", "a\nb\n").is_err());
        let error = only_line("t", "ab\n").unwrap().literal("ac").unwrap_err().to_string();
        assert_eq!(error, "t: `ab`: expected `ac` in column 1");
    }
}
