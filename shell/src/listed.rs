//! The words that may stand in a place, in a message about one that may not.

use core::fmt;

/// Shows the words with commas between them.
pub struct Listed<const COUNT: usize>(pub [&'static str; COUNT]);

impl<const COUNT: usize> fmt::Display for Listed<COUNT> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, word) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(out, "{separator}{word}")?;
        }
        Ok(())
    }
}
