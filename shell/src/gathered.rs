//! The output buffer: bytes on their way to a file or pipe, written in whole lines.
//!
//! So a control file gets its command in one write, and a device such as `/dev/kmsg` gets whole messages.

use arrayvec::ArrayVec;

/// Size of the buffer.
const GATHERED_BYTES: usize = 2048;

/// Bytes that were not written yet.
#[derive(Default)]
pub(crate) struct Gathered(ArrayVec<u8, GATHERED_BYTES>);

impl Gathered {
    /// An empty buffer.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds bytes. A full buffer is passed to `write` up to its last whole line, or up to the last whole character of a
    /// line that is longer than the buffer.
    pub(crate) fn add<E>(
        &mut self,
        mut bytes: &[u8],
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            let room = self.0.remaining_capacity().min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or_default();
            // `now` is cut to the free space.
            let _ = self.0.try_extend_from_slice(now);
            bytes = later;
            if self.0.is_full() {
                let count = whole_length(&self.0);
                let written = write(self.0.get(..count).unwrap_or_default());
                self.0.drain(..count);
                written?;
            }
        }
        Ok(())
    }

    /// Writes the rest.
    pub(crate) fn finish<E>(&mut self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let written = if self.0.is_empty() { Ok(()) } else { write(&self.0) };
        self.0.clear();
        written
    }

    /// Drops all bytes.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Length up to the last end of a line, or else of a character; all of the bytes if there is neither.
fn whole_length(bytes: &[u8]) -> usize {
    if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
        return end.saturating_add(1);
    }
    match str::from_utf8(bytes) {
        // The last character is incomplete.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut gathered, mut writes) = (Gathered::new(), Vec::new());
        let mut write = |bytes: &[u8]| {
            writes.push(bytes.to_vec());
            Ok::<(), ()>(())
        };
        for part in parts {
            gathered.add(part, &mut write).unwrap();
        }
        gathered.finish(&mut write).unwrap();
        writes
    }

    #[test]
    fn lines_stay_whole_and_nothing_is_lost() {
        let lines: Vec<String> = (0..500).map(|number| format!("line {number} \u{e4}\n")).collect();
        let text = lines.concat();
        for piece in [1, 7, 1000, 5000] {
            let parts: Vec<&[u8]> = text.as_bytes().chunks(piece).collect();
            let writes = writes(&parts);
            assert!(writes.len() > 2 && writes.iter().all(|write| write.ends_with(b"\n")));
            assert_eq!(writes.concat(), text.as_bytes());
        }
    }

    #[test]
    fn characters_of_a_long_line_stay_whole() {
        let text = format!("x{}", "\u{20ac}".repeat(3000));
        let all = writes(&[text.as_bytes()]);
        assert!(all.len() > 3 && all.iter().all(|write| str::from_utf8(write).is_ok()));
        assert_eq!(all.concat(), text.as_bytes());
        let bytes = [0x80; 5000];
        assert_eq!(writes(&[&bytes]).concat(), bytes);
    }

    #[test]
    fn error_ends_it() {
        let mut gathered = Gathered::new();
        assert_eq!(gathered.add(&[b'a'; 5000], |_| Err(7)), Err(7));
        gathered.clear();
        assert_eq!(gathered.finish(|_| Err(7)), Ok(()));
    }
}
