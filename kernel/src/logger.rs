//! The kernel's log: messages go to the console at once, and into a ring for `dmesg`.
//!
//! The crate `journal` defines messages and ring; this file has the kernel's ring and its lock. Nothing here allocates. It
//! must not be used under the locks of the heap, the tracker or the console.

use core::fmt;

use journal::{CAPACITY, ConsoleLevel, Entry, Priority, Ring};
use log::{LevelFilter, Log, Metadata, Record};

pub(crate) mod muted;

use crate::arch::clock;
use crate::console;
use crate::sync::IrqLock;

static RING: IrqLock<Ring> = IrqLock::new(Ring::new());

/// Which messages the console shows.
pub(crate) static CONSOLE_LEVEL: ConsoleLevel = ConsoleLevel::new();

struct Logger;

static LOGGER: Logger = Logger;

/// Starts the log at `level`.
pub(crate) fn init(level: LevelFilter) {
    // Fails only if a logger is set already.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(level);
    if level > LevelFilter::Info {
        CONSOLE_LEVEL.set(ConsoleLevel::ALL).expect("all is a level");
    }
}

/// The oldest message in the ring with this number or a higher one (the first message has number 0), and its number.
pub(crate) fn next_from(number: u64) -> Option<(u64, Entry)> {
    RING.lock().next_from(number)
}

/// Number of messages written so far, which is the number of the next one.
pub(crate) fn written() -> usize {
    RING.lock().written()
}

/// Passes every message in the ring to `visit`, oldest first. No lock is held in `visit`.
pub(crate) fn for_each(visit: &mut dyn FnMut(&Entry)) {
    for_each_from(0, visit);
}

/// Like [`for_each`], from the message with this number on.
pub(crate) fn for_each_from(first: usize, visit: &mut dyn FnMut(&Entry)) {
    let end = written();
    for number in first.max(end.saturating_sub(CAPACITY))..end {
        let entry = RING.lock().get(number);
        if let Some(entry) = entry {
            visit(&entry);
        }
    }
}

/// Passes the last `count` messages to `visit`, oldest first. Stops where the log's lock is held: for callers that must
/// not wait.
pub(crate) fn try_for_last(count: usize, mut visit: impl FnMut(&Entry)) {
    let Some(end) = RING.try_lock().map(|ring| ring.written()) else { return };
    for number in end.saturating_sub(count.min(CAPACITY))..end {
        let Some(entry) = RING.try_lock().map(|ring| ring.get(number)) else { return };
        if let Some(entry) = entry {
            visit(&entry);
        }
    }
}

/// Logs a message at any level, also below that of the kernel's own messages.
pub(crate) fn write(priority: Priority, message: fmt::Arguments<'_>) {
    let entry = Entry::new(clock::uptime_ns(), priority, message);
    RING.lock().push(entry);
    if CONSOLE_LEVEL.is_shown(priority) && !muted::MUTED.mutes_message() {
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

/// Shows a message on the console.
pub(crate) fn show(entry: &Entry) {
    struct Shown<'a>(&'a Entry);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write_coloured(out)
        }
    }
    console::write(format_args!("{}\n", Shown(entry)));
}
