//! Mutes the console, and counts the messages that it did not show.
//!
//! Self-tests make mistakes on purpose. Their messages go to the ring like all others, but the console shows them only
//! if a test fails, or if the kernel crashes during one. `kernel/src/logger` connects this to console and ring.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Messages that the console does not show. One user at a time.
#[derive(Debug, Default)]
pub struct Muted {
    is_muting: AtomicBool,
    /// Messages that were not shown since muting began.
    count: AtomicUsize,
    /// The number of the first message that may be one of them.
    first: AtomicUsize,
}

impl Muted {
    /// All messages are shown.
    pub const fn new() -> Self {
        Self { is_muting: AtomicBool::new(false), count: AtomicUsize::new(0), first: AtomicUsize::new(0) }
    }

    /// Shows no messages from now on. The next one that is written has the number `first`.
    pub fn begin(&self, first: usize) {
        self.first.store(first, Ordering::Relaxed);
        self.count.store(0, Ordering::Relaxed);
        self.is_muting.store(true, Ordering::Relaxed);
    }

    /// Shows messages again.
    pub fn end(&self) {
        self.is_muting.store(false, Ordering::Relaxed);
    }

    /// Whether a message must not be shown. If so, counts it.
    pub fn mutes_message(&self) -> bool {
        let is_muting = self.is_muting.load(Ordering::Relaxed);
        if is_muting {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        is_muting
    }

    /// Messages that were not shown since the last [`Muted::begin`].
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The number of the first message that may be one of them.
    pub fn first(&self) -> usize {
        self.first.load(Ordering::Relaxed)
    }

    /// Shows messages again, for a kernel that crashes. Returns the number of the first message that was not shown; `None`
    /// if all were.
    pub fn take_unseen(&self) -> Option<usize> {
        let was_muting = self.is_muting.swap(false, Ordering::Relaxed);
        (was_muting && self.count() > 0).then(|| self.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Priority, Ring};

    /// The kernel's log in small: a ring, and a console.
    struct Log {
        ring: Box<Ring>,
        muted: Muted,
        console: Vec<String>,
    }

    impl Log {
        fn write(&mut self, text: &str) {
            let entry = Entry::new(0, Priority { severity: 0, facility: 0 }, format_args!("{text}"));
            self.ring.push(entry);
            if !self.muted.mutes_message() {
                self.console.push(text.to_owned());
            }
        }

        fn unseen(&self) -> Vec<String> {
            let numbers = self.muted.take_unseen().map_or(0..0, |first| first..self.ring.written());
            numbers.filter_map(|number| self.ring.get(number)).map(|entry| entry.text.to_string()).collect()
        }
    }

    #[test]
    fn muted_messages_are_kept_counted_and_found_at_the_end() {
        let mut log = Log { ring: Box::new(Ring::new()), muted: Muted::new(), console: Vec::new() };
        log.write("before");
        log.muted.begin(log.ring.written());
        log.write("one");
        log.write("two");
        let first = log.ring.next_from(log.muted.first() as u64).expect("the ring has it");
        assert_eq!(first.1.text.as_str(), "one");
        log.muted.end();
        assert_eq!(log.muted.count(), 2);
        assert_eq!(log.console, ["before"]);
        log.write("after");
        assert_eq!((log.muted.count(), log.console.len()), (2, 2), "messages are shown again");
        assert!(log.unseen().is_empty(), "it was ended");

        log.muted.begin(log.ring.written());
        assert!(log.unseen().is_empty(), "no message came");
        log.write("shown");
        assert_eq!(log.console.last().map(String::as_str), Some("shown"), "the kernel ends: all is shown");

        log.muted.begin(log.ring.written());
        log.write("three");
        assert_eq!(log.muted.count(), 1, "each beginning counts anew");
        assert_eq!(log.unseen(), ["three"]);
        log.write("four");
        assert_eq!(log.console.last().map(String::as_str), Some("four"), "later messages are shown");
        assert!(log.unseen().is_empty(), "found once");
    }
}
