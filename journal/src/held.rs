//! Whether messages are held back from the console, how many were, and which came first.
//!
//! Self-tests make mistakes on purpose: their messages go to the ring as all others, and the console has them only if a test
//! fails, or if the kernel ends meanwhile. The console and the ring of the kernel are `kernel/src/logger`'s.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is held back. One holds at a time.
#[derive(Debug, Default)]
pub struct Held {
    is_holding: AtomicBool,
    /// Messages that have been held back since that began.
    count: AtomicUsize,
    /// The number of the first message that may be one of them.
    first: AtomicUsize,
}

impl Held {
    /// Nothing is held back.
    pub const fn new() -> Self {
        Self { is_holding: AtomicBool::new(false), count: AtomicUsize::new(0), first: AtomicUsize::new(0) }
    }

    /// From now on messages are held back; the next one that is written has the number `first`.
    pub fn begin(&self, first: usize) {
        self.first.store(first, Ordering::Relaxed);
        self.count.store(0, Ordering::Relaxed);
        self.is_holding.store(true, Ordering::Relaxed);
    }

    /// From now on they are shown.
    pub fn end(&self) {
        self.is_holding.store(false, Ordering::Relaxed);
    }

    /// Whether a message that would be shown is held back; then it is counted.
    pub fn takes_message(&self) -> bool {
        let is_holding = self.is_holding.load(Ordering::Relaxed);
        if is_holding {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        is_holding
    }

    /// Messages that were held back since the last beginning.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The number of the first message that may be one of them.
    pub fn first(&self) -> usize {
        self.first.load(Ordering::Relaxed)
    }

    /// For a kernel that ends: ends it, and says from which number on the ring has messages that nobody saw. `None` if
    /// there are none.
    pub fn take_unseen(&self) -> Option<usize> {
        let was_holding = self.is_holding.swap(false, Ordering::Relaxed);
        (was_holding && self.count() > 0).then(|| self.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Priority, Ring};

    /// The kernel's log in small: a ring, and a console.
    struct Log {
        ring: Box<Ring>,
        held: Held,
        console: Vec<String>,
    }

    impl Log {
        fn write(&mut self, text: &str) {
            let entry = Entry::new(0, Priority { severity: 0, facility: 0 }, format_args!("{text}"));
            self.ring.push(entry);
            if !self.held.takes_message() {
                self.console.push(text.to_owned());
            }
        }

        fn unseen(&self) -> Vec<String> {
            let numbers = self.held.take_unseen().map_or(0..0, |first| first..self.ring.written());
            numbers.filter_map(|number| self.ring.get(number)).map(|entry| entry.text.to_string()).collect()
        }
    }

    #[test]
    fn what_is_held_back_is_kept_counted_and_told_at_the_end() {
        let mut log = Log { ring: Box::new(Ring::new()), held: Held::new(), console: Vec::new() };
        log.write("before");
        log.held.begin(log.ring.written());
        log.write("one");
        log.write("two");
        let first = log.ring.next_from(log.held.first() as u64).expect("the ring has it");
        assert_eq!(first.1.text.as_str(), "one");
        log.held.end();
        assert_eq!(log.held.count(), 2);
        assert_eq!(log.console, ["before"]);
        log.write("after");
        assert_eq!((log.held.count(), log.console.len()), (2, 2), "nothing is held back any more");
        assert!(log.unseen().is_empty(), "it ended in order");

        log.held.begin(log.ring.written());
        assert!(log.unseen().is_empty(), "nothing to tell of");
        log.write("shown");
        assert_eq!(log.console.last().map(String::as_str), Some("shown"), "the kernel ends: nothing is held");

        log.held.begin(log.ring.written());
        log.write("three");
        assert_eq!(log.held.count(), 1, "each beginning counts anew");
        assert_eq!(log.unseen(), ["three"]);
        log.write("four");
        assert_eq!(log.console.last().map(String::as_str), Some("four"), "what comes now is shown");
        assert!(log.unseen().is_empty(), "told once");
    }
}
