//! What a person types: sizes, counts and addresses; and what is said of one that is none.

use shell::Session;

use crate::memory::by_hand::MAX_BLOCKS;

/// A number of bytes, as in `128`, `0x80` or `4K`. Says so if it is none.
pub(in crate::commands) fn size(session: &mut Session, command: &str, word: &str) -> Option<usize> {
    let size_bytes = match word.strip_prefix("0x") {
        Some(digits) => hexadecimal(digits),
        None => config::size_bytes(word),
    };
    if size_bytes.is_none() {
        session.report_failure(format_args!(
            "{command}: '{word}' is not a size; expected bytes, as in 128, 0x80 or 4K"
        ));
    }
    size_bytes
}

/// How many blocks.
pub(in crate::commands) fn count(session: &mut Session, command: &str, word: &str) -> Option<usize> {
    let count = word.parse().ok().filter(|count| (1..=MAX_BLOCKS).contains(count));
    if count.is_none() {
        session.report_failure(format_args!(
            "{command}: '{word}' is not a number of blocks; expected 1 to {MAX_BLOCKS}"
        ));
    }
    count
}

/// An address, with `0x` or without, as `/proc/allocs` shows it.
pub(in crate::commands) fn address(session: &mut Session, command: &str, word: &str) -> Option<usize> {
    let address = hexadecimal(word.strip_prefix("0x").unwrap_or(word));
    if address.is_none() {
        session.report_failure(format_args!(
            "{command}: '{word}' is not an address; expected hexadecimal digits, as in /proc/allocs"
        ));
    }
    address
}

fn hexadecimal(digits: &str) -> Option<usize> {
    // A sign is a number's, not an address's.
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    usize::from_str_radix(digits, 16).ok().filter(|_| is_plain)
}
