//! Which messages go to the console: the numbers of `/proc/sys/kernel/printk`.
//!
//! Source: Linux, Documentation/admin-guide/sysctl/kernel.rst.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::priority::{DEFAULT_SEVERITY, Priority};

/// Messages with a severity below this number go to the console, as in Linux; all messages go to the ring.
const DEFAULT_CONSOLE_LEVEL: u32 = 7;
/// Only severity 0, the most urgent one.
const MIN_CONSOLE_LEVEL: u32 = 1;
/// All messages.
const MAX_CONSOLE_LEVEL: u32 = 8;

/// The console's level: messages with a lower severity number are shown.
#[derive(Debug)]
pub struct ConsoleLevel(AtomicU32);

impl ConsoleLevel {
    /// The level at which the console shows nothing of the kernel's own.
    pub const QUIET: u32 = MIN_CONSOLE_LEVEL;
    /// The level at which the console shows all messages.
    pub const ALL: u32 = MAX_CONSOLE_LEVEL;

    /// The default level.
    #[expect(clippy::new_without_default, reason = "made at compile time, into a static")]
    pub const fn new() -> Self {
        Self(AtomicU32::new(DEFAULT_CONSOLE_LEVEL))
    }

    /// The four numbers of the file: the console's level; the severity of messages that name none; the minimum and the
    /// default of the console's level.
    pub fn all(&self) -> [u32; 4] {
        let console = self.0.load(Ordering::Relaxed);
        [console, DEFAULT_SEVERITY.into(), MIN_CONSOLE_LEVEL, DEFAULT_CONSOLE_LEVEL]
    }

    /// Sets the console's level from text: a number from 1 (only the most urgent messages) to 8 (all), optionally followed
    /// by the unchanged other numbers of [all](Self::all). `None` for anything else; nothing is changed then.
    pub fn set_from(&self, text: &str) -> Option<()> {
        let [_, fixed @ ..] = self.all();
        let mut numbers = text.split_ascii_whitespace();
        let level = numbers.next()?.parse().ok()?;
        let mut fixed = fixed.iter();
        let are_others_kept =
            numbers.all(|number| fixed.next().is_some_and(|level| number.parse() == Ok(*level)));
        are_others_kept.then(|| self.set(level)).flatten()
    }

    /// Sets the level; `None` if it is not 1 to 8.
    pub fn set(&self, level: u32) -> Option<()> {
        let is_level = (MIN_CONSOLE_LEVEL..=MAX_CONSOLE_LEVEL).contains(&level);
        is_level.then(|| self.0.store(level, Ordering::Relaxed))
    }

    /// Whether a message of this priority goes to the console.
    pub fn is_shown(&self, priority: Priority) -> bool {
        u32::from(priority.severity) < self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn console_level_is_set_by_one_number_or_by_all_four() {
        let level = ConsoleLevel::new();
        assert_eq!(level.all(), [7, 4, 1, 7]);
        for (text, is_good) in [
            ("3", true),
            ("8 4 1 7", true),
            ("4\t4", true),
            ("0", false),
            ("9", false),
            ("", false),
            ("3 5", false),
            ("3 4 1 7 7", false),
            ("x", false),
        ] {
            let before = level.all()[0];
            assert_eq!(level.set_from(text).is_some(), is_good, "{text}");
            assert!(is_good || level.all()[0] == before, "{text}");
        }
        assert_eq!(level.all(), [4, 4, 1, 7]);
        assert_eq!(level.set_from("7"), Some(()));
    }
}
