//! Messages written to `/dev/kmsg`: each line is one, and bytes that are not UTF-8 are replaced.

use core::fmt::{self, Write};

use crate::priority::Priority;

/// The messages in one write: one per line, with its priority.
pub fn messages(bytes: &[u8]) -> impl Iterator<Item = (Priority, Lossy<'_>)> {
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n');
    lines.filter(|_| !bytes.is_empty()).map(|line| {
        // A prefix is ASCII, so it is in the first valid part.
        let text = line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let (priority, rest) = Priority::split(text);
        let prefix_length = text.len() - rest.len();
        (priority, Lossy(line.get(prefix_length..).unwrap_or_default()))
    })
}

/// Text in which invalid UTF-8 is shown as replacement characters.
#[derive(Clone, Copy, Debug)]
pub struct Lossy<'a>(&'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.utf8_chunks().try_for_each(|chunk| {
            out.write_str(chunk.valid())?;
            if chunk.invalid().is_empty() { Ok(()) } else { out.write_char(char::REPLACEMENT_CHARACTER) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Vec<(u8, String)> {
        messages(bytes).map(|(priority, text)| (priority.severity, text.to_string())).collect()
    }

    #[test]
    fn each_line_is_a_message() {
        assert_eq!(texts(b"<14>a\nb\n"), [(6, "a".to_owned()), (4, "b".to_owned())]);
        assert_eq!(texts(b"a"), [(4, "a".to_owned())]);
        assert_eq!(texts(b"a\n\nb"), [(4, "a".to_owned()), (4, String::new()), (4, "b".to_owned())]);
        assert_eq!((texts(b"").len(), texts(b"\n").len()), (0, 1));
        let sixty = "<11>line with \u{e4}\n".repeat(60);
        assert!(texts(sixty.as_bytes()).iter().all(|message| *message == (3, "line with \u{e4}".to_owned())));
        assert_eq!(texts(sixty.as_bytes()).len(), 60);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_the_rest_is_kept() {
        assert_eq!(texts(b"<12>a\xffb\xc3\nc"), [(4, "a\u{fffd}b\u{fffd}".to_owned()), (4, "c".to_owned())]);
        assert_eq!(texts(b"\xff<14>a"), [(4, "\u{fffd}<14>a".to_owned())]);
    }
}
