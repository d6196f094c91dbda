//! Reads a record from untrusted bytes.

use core::fmt::{self, Write};

use super::{
    EVENT_BYTES, Ending, FIGURES, Figures, Head, KeptEvent, LINE_HEAD_BYTES, NoRecord, OPEN_MARK,
    SEALED_MARK, VERSION, at, checksum, parts, u32_at, u64_at,
};

/// A record whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    bytes: &'a [u8],
    /// Offsets of report, events, log, and the end.
    parts: [usize; 4],
}

impl<'a> Record<'a> {
    /// Checks the record at the beginning of `slot`.
    ///
    /// # Errors
    ///
    /// [`NoRecord`] says why there is none.
    pub fn read(slot: &'a [u8]) -> Result<Self, NoRecord> {
        if slot.starts_with(&OPEN_MARK) {
            return Err(NoRecord::Unsealed);
        }
        if !slot.starts_with(&SEALED_MARK) {
            return Err(NoRecord::Empty);
        }
        let version = u32_at(slot, at::VERSION);
        if version != VERSION {
            return Err(NoRecord::Version { version });
        }
        let parts = parts(slot).ok_or(NoRecord::Length)?;
        let [.., end] = parts;
        if u32_at(slot, at::CHECKSUM) != checksum(slot, end) {
            return Err(NoRecord::Checksum);
        }
        Ok(Self { bytes: slot, parts })
    }

    /// The header.
    pub fn head(&self) -> Head {
        Head {
            ending: Ending::ALL.get(usize::from(self.code(0))).copied().unwrap_or(Ending::Running),
            sequence: u64_at(self.bytes, at::SEQUENCE),
            build: u32_at(self.bytes, at::BUILD),
            boot: u32_at(self.bytes, at::BOOT),
            uptime_ns: u64_at(self.bytes, at::UPTIME_NS),
            date_seconds: u64_at(self.bytes, at::DATE_SECONDS),
        }
    }

    /// The counters.
    pub fn figures(&self) -> Figures {
        let figure = |number| u64_at(self.bytes, at::FIGURES + number * 8);
        Figures::from_array(core::array::from_fn::<u64, FIGURES, _>(figure))
    }

    /// The levels of tracking and of heap checks, as indices into all levels.
    pub fn levels(&self) -> [usize; 2] {
        [1, 2].map(|number| self.code(number).into())
    }

    /// The events, oldest first.
    pub fn events(&self) -> impl Iterator<Item = KeptEvent> {
        let [_, start, end, _] = self.parts;
        let events = self.bytes.get(start..end).unwrap_or_default();
        events.chunks_exact(EVENT_BYTES).map(|event| KeptEvent {
            sequence: u64_at(event, 0),
            time_ns: u64_at(event, 8),
            address: u64_at(event, 16),
            size_bytes: u64_at(event, 24),
            caller: u64_at(event, 32),
            kind: u64_at(event, 40) as u8,
        })
    }

    /// The lines of the log, oldest first, each with its time in nanoseconds.
    pub fn lines(&self) -> impl Iterator<Item = (u64, Plain<'a>)> {
        let [.., start, end] = self.parts;
        let mut rest = self.bytes.get(start..end).unwrap_or_default();
        core::iter::from_fn(move || {
            let (head, behind) = rest.split_at_checked(LINE_HEAD_BYTES)?;
            let text = behind.get(..u32_at(head, 8) as usize)?;
            rest = behind.get(text.len()..)?;
            Some((u64_at(head, 0), Plain { bytes: text, keeps_lines: false }))
        })
    }

    /// The report of a panic or exception; empty where there was none.
    pub fn report(&self) -> Plain<'a> {
        let [start, end, ..] = self.parts;
        Plain { bytes: self.bytes.get(start..end).unwrap_or_default(), keeps_lines: true }
    }

    fn code(&self, number: usize) -> u8 {
        self.bytes.get(at::CODES + number).copied().unwrap_or(0)
    }
}

/// Text from a record. Shown without control sequences.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    bytes: &'a [u8],
    keeps_lines: bool,
}

impl Plain<'_> {
    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl fmt::Display for Plain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ESCAPE: char = '\x1b';
        let mut is_in_sequence = false;
        for chunk in self.bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    ESCAPE => is_in_sequence = true,
                    '\n' if self.keeps_lines => {
                        is_in_sequence = false;
                        out.write_char('\n')?;
                    }
                    // Control sequences, such as the colours of a report, end with a letter.
                    _ if is_in_sequence => is_in_sequence = !character.is_ascii_alphabetic(),
                    _ if character.is_control() => out.write_char(' ')?,
                    _ => out.write_char(character)?,
                }
            }
            if !chunk.invalid().is_empty() {
                out.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}
