//! A list of allowed words, for messages about an unknown one.

use core::fmt;

/// Shows the words as `a, b or c`.
pub struct Listed<const COUNT: usize>(pub [&'static str; COUNT]);

impl<const COUNT: usize> fmt::Display for Listed<COUNT> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, word) in self.0.iter().enumerate() {
            let separator = match number {
                0 => "",
                _ if number.saturating_add(1) == COUNT => " or ",
                _ => ", ",
            };
            write!(out, "{separator}{word}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_word_follows_or() {
        assert_eq!(Listed(["a", "b", "c"]).to_string(), "a, b or c");
        assert_eq!(Listed(["a", "b"]).to_string(), "a or b");
        assert_eq!((Listed(["a"]).to_string(), Listed([]).to_string()), ("a".into(), String::new()));
    }
}
