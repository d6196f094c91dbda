//! The log's messages, and the ring that keeps the newest of them.
//!
//! Nothing here allocates. `kernel/src/logger.rs` has the kernel's ring, behind a lock.

use core::fmt::{self, Write};

use arrayvec::ArrayString;

use crate::priority::Priority;
use crate::stamp::Stamp;

/// Maximum length of a message; a longer one is cut and ends with an ellipsis.
const MAX_BYTES: usize = 232;
/// Messages that the ring keeps.
pub const CAPACITY: usize = 256;
const ELLIPSIS: &str = "...";

type Text = ArrayString<MAX_BYTES>;

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Time in nanoseconds since the kernel was entered.
    pub time_ns: u64,
    /// Severity and facility.
    pub priority: Priority,
    /// The text, in one line.
    pub text: Text,
}

/// A ring with the newest messages.
pub struct Ring {
    entries: [Option<Entry>; CAPACITY],
    /// Messages that were ever written.
    written: usize,
}

impl Ring {
    /// An empty ring.
    #[expect(
        clippy::large_stack_arrays,
        clippy::new_without_default,
        reason = "made at compile time, into a static"
    )]
    pub const fn new() -> Self {
        Self { entries: [None; CAPACITY], written: 0 }
    }

    /// Number of messages written so far, which is the number of the next one.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Adds a message, in place of the oldest one if the ring is full.
    pub fn push(&mut self, entry: Entry) {
        self.entries[self.written % CAPACITY] = Some(entry);
        self.written += 1;
    }

    /// The oldest message with this number or a higher one that is still in the ring, and its number.
    pub fn next_from(&self, number: u64) -> Option<(u64, Entry)> {
        let number = (number as usize).max(self.written.saturating_sub(CAPACITY));
        (number < self.written).then(|| self.get(number)).flatten().map(|entry| (number as u64, entry))
    }

    /// The message with this number, unless a newer one has taken its place.
    pub fn get(&self, number: usize) -> Option<Entry> {
        (number + CAPACITY >= self.written).then(|| self.entries[number % CAPACITY]).flatten()
    }
}

impl Entry {
    /// Makes a message of one line: control characters become spaces, and a long text is cut.
    pub fn new(time_ns: u64, priority: Priority, message: fmt::Arguments<'_>) -> Self {
        let mut text = Line::new();
        // Writing to `Line` does not fail.
        let _ = text.write_fmt(message);
        Self { time_ns, priority, text: text.finish() }
    }

    /// Writes time and text as Linux does, the level as a colour.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_coloured(&self, out: &mut dyn Write) -> fmt::Result {
        let colour = match self.priority.severity {
            0..=3 => "\x1b[1;31m",
            4 => "\x1b[33m",
            5 | 6 => "",
            _ => "\x1b[36m",
        };
        let end = if colour.is_empty() { "" } else { "\x1b[0m" };
        write!(out, "\x1b[32m{}\x1b[0m {colour}{}{end}", Stamp(self.time_ns), self.text)
    }
}

/// Collects one line: control characters become spaces, so that a message can forge neither lines nor colours.
struct Line {
    text: Text,
    is_cut: bool,
}

impl Line {
    /// An empty line. The ring copies the whole buffer, unused bytes included: if these were uninitialised, stale
    /// pointers from the stack would get into the ring, and a leak scan would take them for references.
    fn new() -> Self {
        let mut text = Text::zero_filled();
        text.clear();
        Self { text, is_cut: false }
    }

    fn finish(mut self) -> Text {
        if self.is_cut {
            while self.text.len() + ELLIPSIS.len() > MAX_BYTES {
                self.text.pop();
            }
            self.text.push_str(ELLIPSIS);
        }
        self.text
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.is_cut {
                break;
            }
            let character = if character.is_control() { ' ' } else { character };
            self.is_cut = self.text.try_push(character).is_err();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;

    #[test]
    fn long_message_is_cut_and_says_so() {
        let mut line = Line::new();
        line.write_str(&"é".repeat(500)).unwrap();
        let text = line.finish();
        assert!(text.len() <= MAX_BYTES && text.ends_with("é..."));
    }

    #[test]
    fn message_cannot_forge_a_line() {
        let mut line = Line::new();
        line.write_str("a\nb\x1b[31m").unwrap();
        assert_eq!(line.finish().as_str(), "a b [31m");
    }

    #[test]
    fn what_follows_a_cut_stays_out() {
        let mut line = Line::new();
        line.write_str(&"x".repeat(MAX_BYTES - 1)).unwrap();
        line.write_str("é").unwrap();
        line.write_str("y").unwrap();
        let text = line.finish();
        assert!(text.len() <= MAX_BYTES && text.ends_with("x...") && !text.contains('y'));
    }

    #[test]
    fn ring_keeps_the_newest() {
        let mut ring = Box::new(Ring::new());
        for number in 0..CAPACITY as u64 + 10 {
            ring.push(Entry {
                time_ns: number,
                priority: Priority::of_kernel(Level::Info),
                text: Text::new(),
            });
        }
        assert!(ring.get(9).is_none());
        assert_eq!(ring.get(10).unwrap().time_ns, 10);
        // A reader that has fallen behind continues with the oldest message, and stops after the newest.
        assert_eq!(ring.next_from(3).map(|(number, entry)| (number, entry.time_ns)), Some((10, 10)));
        assert_eq!(ring.next_from(200).map(|(number, _)| number), Some(200));
        assert!(ring.next_from(CAPACITY as u64 + 10).is_none());
    }
}
