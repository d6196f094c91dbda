//! Bytes typed on the serial line or the keyboard: the ring between their interrupt handlers and the shell.

use terminal::TypedBytes;

static TYPED: TypedBytes = TypedBytes::new();

/// Adds a byte; called with interrupts masked. A full ring drops it.
pub(crate) fn push(byte: u8) {
    TYPED.push(byte);
}

/// The next byte, if one was typed. There is one reader.
pub(crate) fn pop() -> Option<u8> {
    TYPED.pop()
}

/// Whether no byte waits to be read.
pub(crate) fn is_empty() -> bool {
    TYPED.is_empty()
}

/// Number of bytes that wait to be read.
pub(crate) fn waiting() -> usize {
    TYPED.waiting()
}

/// Whether Ctrl-C was typed since the last [`clear_interrupt`].
pub(crate) fn is_interrupted() -> bool {
    TYPED.is_interrupted()
}

/// Clears the state of [`is_interrupted`], at the start of a command.
pub(crate) fn clear_interrupt() {
    TYPED.clear_interrupt();
}

/// Number of bytes dropped because the ring was full.
pub(crate) fn dropped() -> u64 {
    TYPED.dropped()
}
