//! Shows names and other text of unknown origin safely.

use core::fmt::{self, Write};

/// Text that is shown unchanged, or on a console with its control characters escaped, so that a name cannot move the
/// cursor or change colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<T> {
    text: T,
    is_on_console: bool,
}

impl<T: fmt::Display> Shown<T> {
    /// For the console, or as it is for a file or a pipe.
    pub(crate) fn new(text: T, is_on_console: bool) -> Self {
        Self { text, is_on_console }
    }

    /// For the console.
    pub(crate) fn on_console(text: T) -> Self {
        Self::new(text, true)
    }
}

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_on_console { write!(Escaping(out), "{}", self.text) } else { self.text.fmt(out) }
    }
}

/// A writer that escapes control characters.
struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| {
            if character.is_control() {
                write!(self.0, "{}", character.escape_debug())
            } else {
                self.0.write_char(character)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_alone_are_escaped_and_on_the_console_only() {
        let text = "it's \"\\\" \u{e4}\u{1f980}\u{301}\u{a0}\t\n\0\x1b[31m\x7f\u{9b}";
        assert_eq!(
            Shown::on_console(text).to_string(),
            "it's \"\\\" \u{e4}\u{1f980}\u{301}\u{a0}\\t\\n\\0\\u{1b}[31m\\u{7f}\\u{9b}"
        );
        assert_eq!(Shown::new(text, false).to_string(), text);
        assert_eq!(Shown::on_console(format_args!("a{}\n", "\t")).to_string(), "a\\t\\n");
    }
}
