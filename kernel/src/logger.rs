//! The kernel's log: to the console as it happens, and into a ring for `dmesg`.
//!
//! Nothing here allocates. It must not be used under the locks of the heap or the tracker, nor of the
//! console.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};

use arrayvec::ArrayString;
use log::{LevelFilter, Log, Metadata, Record};

pub(crate) mod priority;

use priority::Priority;

use crate::sync::IrqLock;

/// The longest message; what is longer is cut and ends in an ellipsis.
const MOST_BYTES: usize = 232;
/// Messages that the ring keeps.
const CAPACITY: usize = 256;
const ELLIPSIS: &str = "...";
/// Messages more urgent than this go to the console, as in Linux; all that are kept go to the ring.
const DEFAULT_CONSOLE_LEVEL: u32 = 7;
/// Nothing but what is most urgent.
const LEAST_CONSOLE_LEVEL: u32 = 1;
/// Everything.
const MOST_CONSOLE_LEVEL: u32 = 8;

type Text = ArrayString<MOST_BYTES>;

/// One message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// When, in nanoseconds since the kernel was entered.
    pub(crate) time_ns: u64,
    /// How urgent, and whose.
    pub(crate) priority: Priority,
    /// What; one line.
    pub(crate) text: Text,
}

struct Ring {
    entries: [Option<Entry>; CAPACITY],
    /// Messages that were ever written.
    written: usize,
}

static RING: IrqLock<Ring> = IrqLock::new(Ring { entries: [None; CAPACITY], written: 0 });

static CONSOLE_LEVEL: AtomicU32 = AtomicU32::new(DEFAULT_CONSOLE_LEVEL);

struct Logger;

static LOGGER: Logger = Logger;

/// Starts the log at `level`.
pub(crate) fn init(level: LevelFilter) {
    // The only error is that a logger is set already.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(level);
    if level > LevelFilter::Info {
        CONSOLE_LEVEL.store(MOST_CONSOLE_LEVEL, Ordering::Relaxed);
    }
}

/// The level that messages must stay below to go to the console; that of messages which name none; the lowest and
/// the usual value of the first.
pub(crate) fn levels() -> [u32; 4] {
    let console = CONSOLE_LEVEL.load(Ordering::Relaxed);
    [console, priority::DEFAULT_SEVERITY.into(), LEAST_CONSOLE_LEVEL, DEFAULT_CONSOLE_LEVEL]
}

/// Sets the first of the [`levels`]: from 1, nothing but what is most urgent, to 8, all. `text` may have the others
/// too, as they are. `None` if it is something else; nothing is changed then.
pub(crate) fn set_levels(text: &str) -> Option<()> {
    let [_, fixed @ ..] = levels();
    let mut numbers = text.split_ascii_whitespace();
    let level = numbers.next()?.parse().ok()?;
    let mut fixed = fixed.iter();
    let are_others_kept =
        numbers.all(|number| fixed.next().is_some_and(|level| number.parse() == Ok(*level)));
    let is_level = (LEAST_CONSOLE_LEVEL..=MOST_CONSOLE_LEVEL).contains(&level);
    (is_level && are_others_kept).then(|| CONSOLE_LEVEL.store(level, Ordering::Relaxed))
}

/// The first kept message with a number from `number` on (0 is the first ever), and its own number.
pub(crate) fn next_from(number: u64) -> Option<(u64, Entry)> {
    let ring = RING.lock();
    let number = (number as usize).max(ring.written.saturating_sub(CAPACITY));
    (number < ring.written).then(|| ring.get(number)).flatten().map(|entry| (number as u64, entry))
}

/// Hands every kept message to `visit`, oldest first. No lock is held meanwhile.
pub(crate) fn for_each(mut visit: impl FnMut(&Entry)) {
    let end = RING.lock().written;
    for number in end.saturating_sub(CAPACITY)..end {
        let entry = RING.lock().get(number);
        if let Some(entry) = entry {
            visit(&entry);
        }
    }
}

impl Ring {
    fn push(&mut self, entry: Entry) {
        self.entries[self.written % CAPACITY] = Some(entry);
        self.written += 1;
    }

    /// The message `number`, unless newer ones took its place.
    fn get(&self, number: usize) -> Option<Entry> {
        (number + CAPACITY >= self.written).then(|| self.entries[number % CAPACITY]).flatten()
    }
}

/// Logs a message, whatever level is kept of the kernel's own.
pub(crate) fn write(priority: Priority, message: fmt::Arguments<'_>) {
    let mut text = Line { text: Text::new(), is_cut: false };
    // `Line` takes everything.
    let _ = text.write_fmt(message);
    let entry = Entry { time_ns: now_ns(), priority, text: text.finish() };
    RING.lock().push(entry);
    if u32::from(priority.severity) < CONSOLE_LEVEL.load(Ordering::Relaxed) {
        show(&entry);
    }
}

impl Log for Logger {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        write(Priority::of_kernel(record.level()), *record.args());
    }

    fn flush(&self) {}
}

impl Entry {
    /// Writes time and text as Linux does, the level as a colour.
    pub(crate) fn write_coloured(&self, out: &mut dyn Write) -> fmt::Result {
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

/// A time as `[    0.012345]`: seconds and microseconds.
pub(crate) struct Stamp(pub(crate) u64);

impl fmt::Display for Stamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "[{:5}.{:06}]", self.0 / 1_000_000_000, self.0 / 1000 % 1_000_000)
    }
}

/// Collects one line: control characters become blanks, so that a message can forge neither lines nor
/// colours.
struct Line {
    text: Text,
    is_cut: bool,
}

impl Line {
    fn finish(mut self) -> Text {
        if self.is_cut {
            while self.text.len() + ELLIPSIS.len() > MOST_BYTES {
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

#[cfg(target_os = "none")]
fn now_ns() -> u64 {
    crate::arch::clock::uptime_ns()
}

#[cfg(target_os = "none")]
fn show(entry: &Entry) {
    struct Shown<'a>(&'a Entry);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write_coloured(out)
        }
    }
    crate::console::write(format_args!("{}\n", Shown(entry)));
}

#[cfg(not(target_os = "none"))]
fn now_ns() -> u64 {
    0
}

#[cfg(not(target_os = "none"))]
fn show(_entry: &Entry) {}

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;

    #[test]
    fn long_message_is_cut_and_says_so() {
        let mut line = Line { text: Text::new(), is_cut: false };
        line.write_str(&"é".repeat(500)).unwrap();
        let text = line.finish();
        assert!(text.len() <= MOST_BYTES && text.ends_with("é..."));
    }

    #[test]
    fn message_cannot_forge_a_line() {
        let mut line = Line { text: Text::new(), is_cut: false };
        line.write_str("a\nb\x1b[31m").unwrap();
        assert_eq!(line.finish().as_str(), "a b [31m");
    }

    #[test]
    fn what_follows_a_cut_stays_out() {
        let mut line = Line { text: Text::new(), is_cut: false };
        line.write_str(&"x".repeat(MOST_BYTES - 1)).unwrap();
        line.write_str("é").unwrap();
        line.write_str("y").unwrap();
        let text = line.finish();
        assert!(text.len() <= MOST_BYTES && text.ends_with("x...") && !text.contains('y'));
    }

    #[test]
    fn stamp_reads_as_linux_writes_it() {
        assert_eq!(Stamp(12_345_678).to_string(), "[    0.012345]");
        assert_eq!(Stamp(123_456_000_000_000).to_string(), "[123456.000000]");
    }

    #[test]
    fn console_level_is_set_by_one_number_or_by_all_four() {
        let before = levels();
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
            let before = levels()[0];
            assert_eq!(set_levels(text).is_some(), is_good, "{text}");
            assert!(is_good || levels()[0] == before, "{text}");
        }
        assert_eq!(levels(), [4, 4, 1, 7]);
        assert_eq!(set_levels("7"), Some(()));
    }

    #[test]
    fn ring_keeps_the_newest() {
        static RING: IrqLock<Ring> = IrqLock::new(Ring { entries: [None; CAPACITY], written: 0 });
        let mut ring = RING.lock();
        for number in 0..CAPACITY as u64 + 10 {
            ring.push(Entry {
                time_ns: number,
                priority: Priority::of_kernel(Level::Info),
                text: Text::new(),
            });
        }
        assert!(ring.get(9).is_none());
        assert_eq!(ring.get(10).unwrap().time_ns, 10);
    }
}
