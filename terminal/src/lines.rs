//! Collects formatted pieces into whole lines before they are written.
//!
//! Formatting runs arbitrary `Display` code. As it writes into this buffer, none of it runs under the console's lock, and
//! lines of two writers do not mix.

use core::fmt;

use arrayvec::ArrayString;

/// Longer lines are written in parts.
const MAX_BYTES: usize = 256;

/// A writer that passes whole lines to `emit`, or parts of a line that is too long.
pub struct Lines<E: FnMut(&[u8])> {
    pending: ArrayString<MAX_BYTES>,
    emit: E,
}

impl<E: FnMut(&[u8])> Lines<E> {
    /// A writer to `emit`.
    pub const fn new(emit: E) -> Self {
        Self { pending: ArrayString::new_const(), emit }
    }

    /// Passes on the incomplete last line.
    pub fn finish(&mut self) {
        if !self.pending.is_empty() {
            (self.emit)(self.pending.as_bytes());
            self.pending.clear();
        }
    }
}

impl<E: FnMut(&[u8])> fmt::Write for Lines<E> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.split_inclusive('\n') {
            if self.pending.try_push_str(line).is_err() {
                self.finish();
                if self.pending.try_push_str(line).is_err() {
                    (self.emit)(line.as_bytes());
                }
            }
            if line.ends_with('\n') {
                self.finish();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;

    fn emitted(pieces: &[&str]) -> Vec<String> {
        let mut out = Vec::new();
        let mut lines = Lines::new(|bytes: &[u8]| out.push(String::from_utf8(bytes.to_vec()).unwrap()));
        for piece in pieces {
            lines.write_str(piece).unwrap();
        }
        lines.finish();
        out
    }

    #[test]
    fn pieces_of_a_line_go_out_together() {
        assert_eq!(emitted(&["a", "b", "c\nd", "e"]), ["abc\n", "de"]);
    }

    #[test]
    fn long_line_goes_out_in_parts_and_whole() {
        let long = "x".repeat(MAX_BYTES + 1);
        assert_eq!(emitted(&["ab", &long, "c\n"]), ["ab", &long, "c\n"]);
    }
}
