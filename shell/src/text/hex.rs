//! Bytes as hexdump(1) shows them with `-C`.

use core::fmt;

/// Bytes in a row.
pub(crate) const ROW_BYTES: usize = 16;

/// A row: up to [`ROW_BYTES`] bytes and their offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HexRow<'a> {
    /// Offset of the first byte.
    pub(crate) offset: u64,
    /// The bytes of the row.
    pub(crate) bytes: &'a [u8],
}

impl fmt::Display for HexRow<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:08x} ", self.offset)?;
        for place in 0..ROW_BYTES {
            if place == ROW_BYTES / 2 {
                out.write_str(" ")?;
            }
            match self.bytes.get(place) {
                Some(byte) => write!(out, " {byte:02x}")?,
                None => out.write_str("   ")?,
            }
        }
        out.write_str("  |")?;
        for &byte in self.bytes.iter().take(ROW_BYTES) {
            let is_shown = byte == b' ' || byte.is_ascii_graphic();
            write!(out, "{}", if is_shown { char::from(byte) } else { '.' })?;
        }
        out.write_str("|")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_look_as_hexdump_shows_them() {
        let whole = HexRow { offset: 0x10, bytes: b"Hello, world!\n\x00\xff" };
        assert_eq!(
            whole.to_string(),
            "00000010  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 0a 00 ff  |Hello, world!...|"
        );
        let part = HexRow { offset: 0, bytes: b"abc" };
        assert_eq!(part.to_string(), "00000000  61 62 63                                          |abc|");
    }
}
