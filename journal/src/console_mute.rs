//! Whether the console is mute, and which messages it did not show.
//!
//! Self-tests provoke errors on purpose: their messages go to the ring as all others, and the console shows them only
//! if a test fails, or if the kernel ends meanwhile. The kernel's console and ring are in `kernel/src/logger`.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The switch, and a count of suppressed messages. One user at a time.
#[derive(Debug, Default)]
pub struct ConsoleMute {
    is_on: AtomicBool,
    /// Messages suppressed since it was switched on.
    suppressed: AtomicUsize,
    /// The number of the first message that may be one of them.
    first: AtomicUsize,
}

impl ConsoleMute {
    /// The console shows messages.
    pub const fn new() -> Self {
        Self { is_on: AtomicBool::new(false), suppressed: AtomicUsize::new(0), first: AtomicUsize::new(0) }
    }

    /// Switches it on; the next message that is written has the number `first`.
    pub fn switch_on(&self, first: usize) {
        self.first.store(first, Ordering::Relaxed);
        self.suppressed.store(0, Ordering::Relaxed);
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Switches it off.
    pub fn switch_off(&self) {
        self.is_on.store(false, Ordering::Relaxed);
    }

    /// Whether a message that the console would show is suppressed; then it is counted.
    pub fn is_suppressing(&self) -> bool {
        let is_on = self.is_on.load(Ordering::Relaxed);
        if is_on {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
        }
        is_on
    }

    /// Messages suppressed since it was last switched on.
    pub fn suppressed(&self) -> usize {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// The number of the first message that may be one of them.
    pub fn first(&self) -> usize {
        self.first.load(Ordering::Relaxed)
    }

    /// For a kernel that ends: switches it off, and returns the number from which on the ring has messages that
    /// nobody saw. `None` if there are none.
    pub fn take_unseen(&self) -> Option<usize> {
        let was_on = self.is_on.swap(false, Ordering::Relaxed);
        (was_on && self.suppressed() > 0).then(|| self.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Priority, Ring};

    /// The kernel's log in small: a ring, and a console.
    struct Log {
        ring: Box<Ring>,
        mute: ConsoleMute,
        console: Vec<String>,
    }

    impl Log {
        fn write(&mut self, text: &str) {
            let entry = Entry::new(0, Priority { severity: 0, facility: 0 }, format_args!("{text}"));
            self.ring.push(entry);
            if !self.mute.is_suppressing() {
                self.console.push(text.to_owned());
            }
        }

        fn unseen(&self) -> Vec<String> {
            let numbers = self.mute.take_unseen().map_or(0..0, |first| first..self.ring.written());
            numbers.filter_map(|number| self.ring.get(number)).map(|entry| entry.text.to_string()).collect()
        }
    }

    #[test]
    fn suppressed_messages_are_kept_counted_and_shown_at_the_end() {
        let mut log = Log { ring: Box::new(Ring::new()), mute: ConsoleMute::new(), console: Vec::new() };
        log.write("before");
        log.mute.switch_on(log.ring.written());
        log.write("one");
        log.write("two");
        let first = log.ring.next_from(log.mute.first() as u64).expect("the ring has it");
        assert_eq!(first.1.text.as_str(), "one");
        log.mute.switch_off();
        assert_eq!(log.mute.suppressed(), 2);
        assert_eq!(log.console, ["before"]);
        log.write("after");
        assert_eq!((log.mute.suppressed(), log.console.len()), (2, 2), "nothing is suppressed any more");
        assert!(log.unseen().is_empty(), "it was switched off in order");

        log.mute.switch_on(log.ring.written());
        assert!(log.unseen().is_empty(), "nothing to show");
        log.write("shown");
        assert_eq!(
            log.console.last().map(String::as_str),
            Some("shown"),
            "the kernel ends: nothing is suppressed"
        );

        log.mute.switch_on(log.ring.written());
        log.write("three");
        assert_eq!(log.mute.suppressed(), 1, "each time counts anew");
        assert_eq!(log.unseen(), ["three"]);
        log.write("four");
        assert_eq!(log.console.last().map(String::as_str), Some("four"), "what comes now is shown");
        assert!(log.unseen().is_empty(), "shown once");
    }
}
