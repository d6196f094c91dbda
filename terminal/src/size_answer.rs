//! How large the terminal at the serial line is: the question, and the answer among what is typed.
//!
//! The cursor is sent further to the right than any terminal goes, and the terminal is asked where it is (ECMA-48,
//! CPR: cursor position report). A terminal that does not answer keeps the size that it was taken to have.

/// Asks for the size; the cursor stays where it is.
pub const SIZE_QUESTION: &[u8] = b"\x1b7\x1b[999;999H\x1b[6n\x1b8";

/// What is narrower is no terminal's answer but a function key, which the same sequence stands for: Shift-F3 is
/// `ESC [ 1 ; 2 R`.
const MIN_COLUMNS: usize = 10;

/// Watches what is typed for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeAnswer {
    /// None is awaited.
    NotAsked,
    /// The question was asked.
    Awaited,
    /// The answer may have begun.
    Started,
    /// Behind ESC [, in the row's number.
    Row,
    /// In the column's number, with its value so far.
    Column(usize),
}

impl SizeAnswer {
    /// Takes a typed byte in; the number of columns when the answer is complete.
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
