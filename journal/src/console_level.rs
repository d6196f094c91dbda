//! Which messages go to the console: the numbers of `/proc/sys/kernel/printk`.
//!
//! Source: Linux, Documentation/admin-guide/sysctl/kernel.rst.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::priority::{DEFAULT_SEVERITY, Priority};

/// Messages more urgent than this go to the console, as in Linux; all that are kept go to the ring.
const DEFAULT_CONSOLE_LEVEL: u32 = 7;
/// Nothing but what is most urgent.
const MIN_CONSOLE_LEVEL: u32 = 1;
/// Everything.
const MAX_CONSOLE_LEVEL: u32 = 8;

/// The level that messages must stay below to go to the console.
#[derive(Debug)]
pub struct ConsoleLevel(AtomicU32);

impl ConsoleLevel {
    /// The level at which the console shows nothing of the kernel's own.
    pub const QUIET: u32 = MIN_CONSOLE_LEVEL;
    /// The level at which it shows all.
    pub const ALL: u32 = MAX_CONSOLE_LEVEL;

    /// The usual level.
    #[expect(clippy::new_without_default, reason = "made at compile time, into a static")]
    pub const fn new() -> Self {
        Self(AtomicU32::new(DEFAULT_CONSOLE_LEVEL))
    }

    /// The level itself; that of messages which name none; the lowest and the usual value of the first.
    pub fn all(&self) -> [u32; 4] {
        let console = self.0.load(Ordering::Relaxed);
        [console, DEFAULT_SEVERITY.into(), MIN_CONSOLE_LEVEL, DEFAULT_CONSOLE_LEVEL]
    }

    /// Sets the first of [all](Self::all): from 1, nothing but what is most urgent, to 8, all. `text` may have the
    /// others too, as they are. `None` if it is something else; nothing is changed then.
    pub fn set_from(&self, text: &str) -> Option<()> {
        let [_, fixed @ ..] = self.all();
        let mut numbers = text.split_ascii_whitespace();
        let level = numbers.next()?.parse().ok()?;
        let mut fixed = fixed.iter();
        let are_others_kept =
            numbers.all(|number| fixed.next().is_some_and(|level| number.parse() == Ok(*level)));
        are_others_kept.then(|| self.set(level)).flatten()
    }

    /// Sets the level, if there is such.
    pub fn set(&self, level: u32) -> Option<()> {
        let is_level = (MIN_CONSOLE_LEVEL..=MAX_CONSOLE_LEVEL).contains(&level);
        is_level.then(|| self.0.store(level, Ordering::Relaxed))
    }

    /// Whether a message goes to the console.
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
