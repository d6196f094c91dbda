//! Bytes typed on the serial line or the keyboard, from interrupt handlers to the shell.
//!
//! A lock-free ring for one reader and one writer at a time: both devices interrupt the same CPU, and interrupts are
//! masked while a handler runs, so the handlers never run at the same time.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// Capacity in bytes, enough for pasted text of several pages. A power of two, so that the counters may wrap around.
const CAPACITY: usize = 16384;
const CONTROL_C: u8 = 3;

/// The ring, and whether Ctrl-C was typed.
#[derive(Debug)]
pub struct TypedBytes {
    bytes: [AtomicU8; CAPACITY],
    /// Bytes read and written so far; modulo the capacity, these are positions in the ring.
    read: AtomicUsize,
    written: AtomicUsize,
    dropped: AtomicU64,
    is_interrupted: AtomicBool,
}

impl TypedBytes {
    /// An empty ring.
    #[expect(clippy::new_without_default, reason = "large, and made at compile time, into a static")]
    pub const fn new() -> Self {
        Self {
            bytes: [const { AtomicU8::new(0) }; CAPACITY],
            read: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            is_interrupted: AtomicBool::new(false),
        }
    }

    /// Adds a byte; called with interrupts masked. A full ring drops it.
    pub fn push(&self, byte: u8) {
        if byte == CONTROL_C {
            self.is_interrupted.store(true, Ordering::Relaxed);
        }
        let written = self.written.load(Ordering::Relaxed);
        if written.wrapping_sub(self.read.load(Ordering::Acquire)) >= CAPACITY {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.bytes[written % CAPACITY].store(byte, Ordering::Relaxed);
        self.written.store(written.wrapping_add(1), Ordering::Release);
    }

    /// The next byte, if one was typed. There is one reader.
    pub fn pop(&self) -> Option<u8> {
        let read = self.read.load(Ordering::Relaxed);
        if read == self.written.load(Ordering::Acquire) {
            return None;
        }
        let byte = self.bytes[read % CAPACITY].load(Ordering::Relaxed);
        self.read.store(read.wrapping_add(1), Ordering::Release);
        Some(byte)
    }

    /// Whether no byte waits to be read.
    pub fn is_empty(&self) -> bool {
        self.waiting() == 0
    }

    /// Number of bytes that wait to be read.
    pub fn waiting(&self) -> usize {
        self.written.load(Ordering::Acquire).wrapping_sub(self.read.load(Ordering::Relaxed))
    }

    /// Whether Ctrl-C was typed since the last [`clear_interrupt`](Self::clear_interrupt).
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// Clears the state of [`is_interrupted`](Self::is_interrupted), at the start of a command.
    pub fn clear_interrupt(&self) {
        self.is_interrupted.store(false, Ordering::Relaxed);
    }

    /// Number of bytes dropped because the ring was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_ring_drops_the_newest_and_counts_them() {
        let ring = Box::new(TypedBytes::new());
        for number in 0..CAPACITY + 3 {
            ring.push(number as u8);
        }
        assert_eq!(ring.dropped(), 3);
        for number in 0..CAPACITY {
            assert_eq!(ring.pop(), Some(number as u8));
        }
        assert_eq!(ring.pop(), None);
        ring.push(7);
        assert_eq!(ring.pop(), Some(7));
    }

    #[test]
    fn bytes_arrive_in_order_across_threads() {
        static RING: TypedBytes = TypedBytes::new();
        const COUNT: usize = 100_000;
        let writer = std::thread::spawn(|| {
            for number in 0..COUNT {
                while RING.written.load(Ordering::Relaxed) - RING.read.load(Ordering::Acquire) >= CAPACITY {
                    std::thread::yield_now();
                }
                RING.push(number as u8);
            }
        });
        let mut number = 0;
        while number < COUNT {
            match RING.pop() {
                Some(byte) => {
                    assert_eq!(byte, number as u8);
                    number += 1;
                }
                None => std::thread::yield_now(),
            }
        }
        writer.join().unwrap();
    }

    #[test]
    fn control_c_is_noted_and_forgotten() {
        let ring = Box::new(TypedBytes::new());
        ring.push(CONTROL_C);
        assert!(ring.is_interrupted());
        ring.clear_interrupt();
        assert!(!ring.is_interrupted());
        assert_eq!(ring.pop(), Some(CONTROL_C));
        assert!(ring.is_empty());
    }
}
