//! What a person types: a virtual address, a physical one, or a symbol.

use core::fmt;

/// What stands before a physical address.
const PHYSICAL: &str = "phys:";
/// Hexadecimal digits that are an address and no name, even if the first is a letter.
const MIN_DIGITS: usize = 8;

/// A place that a person asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    /// `0xffff800000001000`, or without `0x`.
    Virtual(u64),
    /// `phys:0x1000`, or without `0x`.
    Physical(u64),
    /// `function` or `variable`, with an offset: `function+0x12`, or 0.
    Symbol {
        /// The name, alone or with its modules.
        name: &'a str,
        /// Bytes after its start.
        offset: u64,
    },
}

/// A word that is none of these: an address of more than 64 bits, or an offset that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl fmt::Display for NotAnAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("expected an address as in /proc/allocs, phys:ADDRESS, or a symbol as in exchange or exchange+0x12")
    }
}

impl<'a> Typed<'a> {
    /// Reads a word. Hexadecimal digits alone are an address if the first is no letter or there are eight or more of them;
    /// others may be a name: `add`.
    ///
    /// # Errors
    ///
    /// [`NotAnAddress`]
    pub fn parse(word: &'a str) -> Result<Self, NotAnAddress> {
        if let Some(digits) = word.strip_prefix(PHYSICAL) {
            return hexadecimal(digits).map(Self::Physical);
        }
        let is_number = word.len() >= MIN_DIGITS || word.starts_with(|first: char| first.is_ascii_digit());
        if word.starts_with("0x") || (is_number && is_hexadecimal(word)) {
            return hexadecimal(word).map(Self::Virtual);
        }
        // A name may have a `+` in it: `<T as core::ops::Add+'static>`.
        match word.rsplit_once("+0x") {
            Some((name, digits)) if !name.is_empty() => {
                Ok(Self::Symbol { name, offset: hexadecimal(digits)? })
            }
            _ if word.is_empty() => Err(NotAnAddress),
            _ => Ok(Self::Symbol { name: word, offset: 0 }),
        }
    }
}

fn is_hexadecimal(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// A number with `0x` or without.
fn hexadecimal(word: &str) -> Result<u64, NotAnAddress> {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    // A sign is a number's, not an address's.
    let is_plain = is_hexadecimal(digits);
    u64::from_str_radix(digits, 16).ok().filter(|_| is_plain).ok_or(NotAnAddress)
}
