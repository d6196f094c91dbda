//! Bytes typed on the serial line or the keyboard, from interrupt handlers to the shell.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

const CAPACITY: usize = 16384;
const CONTROL_C: u8 = 3;

static BYTES: [AtomicU8; CAPACITY] = [const { AtomicU8::new(0) }; CAPACITY];
/// Bytes that were ever read and written; the ring's places are these modulo its capacity.
static READ: AtomicUsize = AtomicUsize::new(0);
static WRITTEN: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Adds a byte; called with interrupts masked. A full ring drops it.
pub(crate) fn push(byte: u8) {
    if byte == CONTROL_C {
        IS_INTERRUPTED.store(true, Ordering::Relaxed);
    }
    let written = WRITTEN.load(Ordering::Relaxed);
    if written.wrapping_sub(READ.load(Ordering::Acquire)) >= CAPACITY {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return;
    }
    BYTES[written % CAPACITY].store(byte, Ordering::Relaxed);
    WRITTEN.store(written.wrapping_add(1), Ordering::Release);
}

/// The next byte, if one was typed. There is one reader.
pub(crate) fn pop() -> Option<u8> {
    let read = READ.load(Ordering::Relaxed);
    if is_empty() {
        return None;
    }
    let byte = BYTES[read % CAPACITY].load(Ordering::Relaxed);
    READ.store(read.wrapping_add(1), Ordering::Release);
    Some(byte)
}

/// Whether nothing waits to be read.
pub(crate) fn is_empty() -> bool {
    READ.load(Ordering::Relaxed) == WRITTEN.load(Ordering::Acquire)
}

/// Whether Ctrl-C was typed since the last [`clear_interrupt`].
pub(crate) fn is_interrupted() -> bool {
    IS_INTERRUPTED.load(Ordering::Relaxed)
}

/// Forgets a Ctrl-C, at the start of a command.
pub(crate) fn clear_interrupt() {
    IS_INTERRUPTED.store(false, Ordering::Relaxed);
}

/// Bytes that found the ring full.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}
