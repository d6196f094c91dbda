//! Writes a record: header, report, events, log, in this order, then the seal.
//!
//! Each part is complete once its length is in the header. So a record whose writer was interrupted can be continued
//! and sealed by code that has only the bytes.

use core::fmt;

use super::{
    EVENT_BYTES, Figures, HEAD_BYTES, Head, KeptEvent, LINE_HEAD_BYTES, OPEN_MARK, SEALED_MARK, VERSION, at,
    checksum, parts, u32_at,
};

/// Bytes that a report leaves free for events and log.
const REPORT_SPARE_BYTES: usize = 8 << 10;

/// A record that is being written.
pub struct Writer<'a> {
    slot: &'a mut [u8],
}

impl<'a> Writer<'a> {
    /// Begins a record, which invalidates the previous one in `slot`. `None` if not even a header fits.
    pub fn begin(slot: &'a mut [u8], head: &Head) -> Option<Self> {
        slot.get_mut(..HEAD_BYTES)?.fill(0);
        let mut writer = Self { slot };
        writer.put(at::VERSION, &VERSION.to_le_bytes());
        writer.put(at::CODES, &[head.ending as u8]);
        writer.put(at::SEQUENCE, &head.sequence.to_le_bytes());
        writer.put(at::BUILD, &head.build.to_le_bytes());
        writer.put(at::BOOT, &head.boot.to_le_bytes());
        writer.put(at::UPTIME_NS, &head.uptime_ns.to_le_bytes());
        writer.put(at::DATE_SECONDS, &head.date_seconds.to_le_bytes());
        writer.put(0, &OPEN_MARK);
        Some(writer)
    }

    /// Continues a record that was begun and not sealed; `None` if there is none.
    pub fn resume(slot: &'a mut [u8]) -> Option<Self> {
        (slot.starts_with(&OPEN_MARK) && parts(slot).is_some()).then_some(Self { slot })
    }

    /// Sets the counters, and the levels of tracking and of heap checks.
    pub fn set_figures(&mut self, figures: &Figures, level: u8, guard: u8) {
        for (number, figure) in figures.to_array().into_iter().enumerate() {
            self.put(at::FIGURES + number * 8, &figure.to_le_bytes());
        }
        self.put(at::CODES + 1, &[level, guard]);
    }

    /// Adds an event, if there is room.
    pub fn push_event(&mut self, event: &KeptEvent) {
        let mut bytes = [0; EVENT_BYTES];
        let words = [event.sequence, event.time_ns, event.address, event.size_bytes, event.caller];
        for (target, word) in bytes.chunks_exact_mut(8).zip(words.into_iter().chain([event.kind.into()])) {
            target.copy_from_slice(&word.to_le_bytes());
        }
        if self.append(&[&bytes], 0) {
            self.add(at::EVENTS, 1);
        }
    }

    /// Adds a line of the log, if there is room. All events must have been added before.
    pub fn push_line(&mut self, time_ns: u64, text: &str) {
        let length = text.len() as u32;
        if self.append(&[&time_ns.to_le_bytes(), &length.to_le_bytes(), text.as_bytes()], 0) {
            self.add(at::LOG_BYTES, LINE_HEAD_BYTES as u32 + length);
        }
    }

    /// Makes the record valid.
    pub fn seal(mut self) {
        if let Some([.., end]) = parts(self.slot) {
            let sum = checksum(self.slot, end);
            self.put(at::CHECKSUM, &sum.to_le_bytes());
            self.put(0, &SEALED_MARK);
        }
    }

    /// Appends the pieces if they fit with `spare_bytes` left, and returns whether they did.
    fn append(&mut self, pieces: &[&[u8]], spare_bytes: usize) -> bool {
        let Some([.., end]) = parts(self.slot) else { return false };
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if end + length + spare_bytes > self.slot.len() {
            return false;
        }
        let mut place = end;
        for piece in pieces {
            self.put(place, piece);
            place += piece.len();
        }
        true
    }

    fn add(&mut self, offset: usize, more: u32) {
        let sum = u32_at(self.slot, offset).saturating_add(more);
        self.put(offset, &sum.to_le_bytes());
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        let target = self.slot.get_mut(offset..).and_then(|rest| rest.get_mut(..bytes.len()));
        if let Some(target) = target {
            target.copy_from_slice(bytes);
        }
    }
}

/// Appends to the report, which comes before events and log. Text that does not fit is dropped.
impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.append(&[text.as_bytes()], REPORT_SPARE_BYTES) {
            self.add(at::REPORT_BYTES, text.len() as u32);
        }
        Ok(())
    }
}
