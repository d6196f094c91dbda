//! Which messages go to the console: the numbers of `/proc/sys/kernel/printk`.
//!
//! Source: Linux, Documentation/admin-guide/sysctl/kernel.rst.

use core::sync::atomic::{AtomicU32, Ordering};

use super::priority::{DEFAULT_SEVERITY, Priority};

/// Messages more urgent than this go to the console, as in Linux; all that are kept go to the ring.
const DEFAULT_CONSOLE_LEVEL: u32 = 7;
/// Nothing but what is most urgent.
const LEAST_CONSOLE_LEVEL: u32 = 1;
/// The level at which the console shows nothing of the kernel's own.
pub(crate) const QUIET: u32 = LEAST_CONSOLE_LEVEL;
/// Everything.
const MOST_CONSOLE_LEVEL: u32 = 8;

static CONSOLE_LEVEL: AtomicU32 = AtomicU32::new(DEFAULT_CONSOLE_LEVEL);

/// The level that messages must stay below to go to the console; that of messages which name none; the lowest and
/// the usual value of the first.
pub(crate) fn all() -> [u32; 4] {
    let console = CONSOLE_LEVEL.load(Ordering::Relaxed);
    [console, DEFAULT_SEVERITY.into(), LEAST_CONSOLE_LEVEL, DEFAULT_CONSOLE_LEVEL]
}

/// Sets the first of the [levels](all): from 1, nothing but what is most urgent, to 8, all. `text` may have the others
/// too, as they are. `None` if it is something else; nothing is changed then.
pub(crate) fn set(text: &str) -> Option<()> {
    let [_, fixed @ ..] = all();
    let mut numbers = text.split_ascii_whitespace();
    let level = numbers.next()?.parse().ok()?;
    let mut fixed = fixed.iter();
    let are_others_kept =
        numbers.all(|number| fixed.next().is_some_and(|level| number.parse() == Ok(*level)));
    are_others_kept.then(|| set_console_level(level)).flatten()
}

/// Sets the console level, if there is such.
pub(crate) fn set_console_level(level: u32) -> Option<()> {
    let is_level = (LEAST_CONSOLE_LEVEL..=MOST_CONSOLE_LEVEL).contains(&level);
    is_level.then(|| CONSOLE_LEVEL.store(level, Ordering::Relaxed))
}

/// Shows all messages that are kept.
pub(super) fn show_all() {
    CONSOLE_LEVEL.store(MOST_CONSOLE_LEVEL, Ordering::Relaxed);
}

/// Whether a message goes to the console.
pub(super) fn is_shown(priority: Priority) -> bool {
    u32::from(priority.severity) < CONSOLE_LEVEL.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn console_level_is_set_by_one_number_or_by_all_four() {
        let before = all();
        assert_eq!(before, [7, 4, 1, 7]);
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
            let before = all()[0];
            assert_eq!(set(text).is_some(), is_good, "{text}");
            assert!(is_good || all()[0] == before, "{text}");
        }
        assert_eq!(all(), [4, 4, 1, 7]);
        assert_eq!(set("7"), Some(()));
    }
}
