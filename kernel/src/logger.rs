//! The kernel's log: to the console as it happens, and into a ring for `dmesg`.
//!
//! Nothing here allocates. It must not be used under the locks of the heap or the tracker, nor of the
//! console.

use core::fmt::{self, Write};

use arrayvec::ArrayString;
use log::{LevelFilter, Log, Metadata, Record};

pub(crate) mod held;
pub(crate) mod levels;
pub(crate) mod priority;

use priority::Priority;

use crate::sync::IrqLock;

/// The longest message; what is longer is cut and ends in an ellipsis.
const MOST_BYTES: usize = 232;
/// Messages that the ring keeps.
pub(crate) const CAPACITY: usize = 256;
const ELLIPSIS: &str = "...";

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

struct Logger;

static LOGGER: Logger = Logger;

/// Starts the log at `level`.
pub(crate) fn init(level: LevelFilter) {
    // The only error is that a logger is set already.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(level);
    if level > LevelFilter::Info {
        levels::show_all();
    }
}

/// The first kept message with a number from `number` on (0 is the first ever), and its own number.
pub(crate) fn next_from(number: u64) -> Option<(u64, Entry)> {
    RING.lock().next_from(number)
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

/// Hands the last `count` messages to `visit`, oldest first, and stops if the log's lock is held: for who must not wait.
pub(crate) fn try_for_last(count: usize, mut visit: impl FnMut(&Entry)) {
    let Some(end) = RING.try_lock().map(|ring| ring.written) else { return };
    for number in end.saturating_sub(count.min(CAPACITY))..end {
        let Some(entry) = RING.try_lock().map(|ring| ring.get(number)) else { return };
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

    /// The first message that is still there from `number` on, and its own number.
    fn next_from(&self, number: u64) -> Option<(u64, Entry)> {
        let number = (number as usize).max(self.written.saturating_sub(CAPACITY));
        (number < self.written).then(|| self.get(number)).flatten().map(|entry| (number as u64, entry))
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
    if levels::is_shown(priority) && !held::takes_message() {
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

/// Nanoseconds, shown as seconds with six digits behind the point.
pub(crate) struct Seconds(pub(crate) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:06}", self.0 / 1_000_000_000, self.0 / 1000 % 1_000_000)
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
        // A reader that has fallen behind goes on with the oldest one, and stops behind the newest.
        assert_eq!(ring.next_from(3).map(|(number, entry)| (number, entry.time_ns)), Some((10, 10)));
        assert_eq!(ring.next_from(200).map(|(number, _)| number), Some(200));
        assert!(ring.next_from(CAPACITY as u64 + 10).is_none());
    }
}
