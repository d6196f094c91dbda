//! The size of the serial terminal: the query, and the recognition of its answer among typed bytes.
//!
//! The query moves the cursor beyond the right edge, where it stops, and asks for its position (ECMA-48, CPR: cursor
//! position report). If a terminal does not answer, the assumed size remains.

/// Asks for the size. The position of the cursor is saved and restored.
pub const SIZE_QUESTION: &[u8] = b"\x1b7\x1b[999;999H\x1b[6n\x1b8";

/// A smaller number is not an answer but a function key with the same sequence: Shift-F3 sends `ESC [ 1 ; 2 R`.
const MIN_COLUMNS: usize = 10;

/// Recognises the answer among typed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeAnswer {
    /// No answer is expected.
    NotAsked,
    /// The query was sent.
    Awaited,
    /// The answer may have begun.
    Started,
    /// After ESC [, in the row's number.
    Row,
    /// In the column's number, with its value so far.
    Column(usize),
}

impl SizeAnswer {
    /// Takes a typed byte; returns the number of columns when the answer is complete.
    pub fn feed(&mut self, byte: u8) -> Option<usize> {
        *self = match (*self, byte) {
            (Self::NotAsked, _) => Self::NotAsked,
            (_, b'\x1b') => Self::Started,
            (Self::Started, b'[') | (Self::Row, b'0'..=b'9') => Self::Row,
            (Self::Row, b';') => Self::Column(0),
            (Self::Column(columns), b'0'..=b'9') => {
                let digit = usize::from(byte.saturating_sub(b'0'));
                Self::Column(columns.saturating_mul(10).saturating_add(digit))
            }
            (Self::Column(columns), b'R') if columns >= MIN_COLUMNS => {
                *self = Self::NotAsked;
                return Some(columns);
            }
            _ => Self::Awaited,
        };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(mut answer: SizeAnswer, typed: &str) -> Vec<usize> {
        typed.bytes().filter_map(|byte| answer.feed(byte)).collect()
    }

    #[test]
    fn answer_is_found_among_what_is_typed() {
        for (typed, columns) in [
            ("\x1b[24;80R", &[80][..]),
            ("ls\x1b[A\x1b[24;132Rx\x1b[24;80R", &[132]),
            ("\x1b\x1b[50;200R", &[200]),
            ("\x1b[1;2R\x1b[24;80R", &[80]),
            ("\x1b[24;80", &[]),
            ("[24;80R", &[]),
            ("\x1b[24;8x0R", &[]),
        ] {
            assert_eq!(answered(SizeAnswer::Awaited, typed), columns, "{typed:?}");
            assert_eq!(answered(SizeAnswer::NotAsked, typed), [0; 0], "{typed:?}");
        }
    }
}
