//! Generated files while they are open: how their text is kept, sliced and streamed.
//!
//! A [`Text`] is rendered once, when it is opened, so that a reader of small pieces sees one snapshot. A [`Table`] may be
//! larger than memory: its rows are rendered batch by batch, with a cursor, into one buffer. Bytes written to a control
//! file are collected until a line is complete.

use core::fmt::{self, Write};

use crate::errno::{Errno, Result};
use crate::generated::{Commands, Table, Text};

/// The maximum that one call of [`Table::rows`] or [`Table::header`] may write, in bytes.
pub const BATCH_BYTES: usize = 32 << 10;
const FIRST_TEXT_BYTES: usize = 4096;
const MAX_TEXT_BYTES: usize = 4 << 20;
/// Maximum length of a command.
const MAX_LINE_BYTES: usize = 4096;

/// An allocator of buffers.
pub trait Buffers: Sync {
    /// A buffer of at least `size_bytes` bytes; `None` if there is no memory.
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]>;

    /// Frees a buffer.
    fn give(&self, buffer: &'static mut [u8]);
}

/// The text of an open file.
pub(crate) struct Reader {
    /// The source of further rows; `None` if the buffer holds the whole text.
    table: Option<&'static dyn Table>,
    buffer: &'static mut [u8],
    /// Bytes of text in the buffer.
    length: usize,
    /// Offset of the buffer's text in the whole text.
    start: u64,
    /// Cursor of the next batch; `None` at the end.
    next: Option<u64>,
}

impl Reader {
    /// Renders the whole text. The first attempt measures how large the buffer must be.
    pub(crate) fn of_text(text: &dyn Text, buffers: &dyn Buffers) -> Result<Self> {
        let mut size_bytes = FIRST_TEXT_BYTES;
        loop {
            let buffer = buffers.take(size_bytes).ok_or(Errno::ENOMEM)?;
            let mut out = Slice::new(buffer);
            let rendered = text.render(&mut out);
            let (length, wanted) = (out.length, out.wanted);
            if rendered.is_ok() && length == wanted {
                return Ok(Self { table: None, buffer, length, start: 0, next: None });
            }
            buffers.give(buffer);
            if rendered.is_err() || wanted > MAX_TEXT_BYTES {
                return Err(Errno::EIO);
            }
            // Some spare bytes, as numbers may get longer meanwhile.
            size_bytes = wanted.saturating_add(wanted / 8);
        }
    }

    /// Renders the beginning.
    pub(crate) fn of_table(table: &'static dyn Table, buffers: &dyn Buffers) -> Result<Self> {
        let buffer = buffers.take(BATCH_BYTES).ok_or(Errno::ENOMEM)?;
        let mut reader = Self { table: Some(table), buffer, length: 0, start: 0, next: None };
        match reader.restart() {
            Ok(()) => Ok(reader),
            Err(error) => {
                reader.close(buffers);
                Err(error)
            }
        }
    }

    /// Frees the buffer.
    pub(crate) fn close(self, buffers: &dyn Buffers) {
        buffers.give(self.buffer);
    }

    /// The length of the whole text, if it is known.
    pub(crate) fn size_bytes(&self) -> Option<u64> {
        self.table.is_none().then_some(self.length as u64)
    }

    /// Copies text from `offset` on, and returns the number of bytes; 0 at the end and beyond.
    pub(crate) fn read(&mut self, offset: u64, target: &mut [u8]) -> Result<usize> {
        if offset < self.start {
            self.restart()?;
        }
        loop {
            let end = self.start.saturating_add(self.length as u64);
            if offset < end {
                let from = offset.saturating_sub(self.start) as usize;
                let text = self.buffer.get(from..self.length).unwrap_or_default();
                let count = text.len().min(target.len());
                for (slot, byte) in target.iter_mut().zip(text) {
                    *slot = *byte;
                }
                return Ok(count);
            }
            let (Some(table), Some(cursor)) = (self.table, self.next) else { return Ok(0) };
            // If the rows fail, the buffer is empty, and the next read tries again.
            self.length = 0;
            self.start = end;
            let mut out = Slice::new(self.buffer);
            let next = table.rows(cursor, &mut out).map_err(|_| Errno::EIO)?;
            self.length = out.whole()?;
            self.next = next;
        }
    }

    /// Goes back to the beginning of a table.
    fn restart(&mut self) -> Result<()> {
        if let Some(table) = self.table {
            let mut out = Slice::new(self.buffer);
            table.header(&mut out).map_err(|_| Errno::EIO)?;
            self.length = out.whole()?;
            self.start = 0;
            self.next = Some(0);
        }
        Ok(())
    }
}

/// Collects what is written to a control file until a line is complete.
pub(crate) struct LineGatherer {
    buffer: &'static mut [u8],
    length: usize,
    /// Whether the line so far was longer than the buffer.
    is_too_long: bool,
}

impl LineGatherer {
    pub(crate) fn open(buffers: &dyn Buffers) -> Result<Self> {
        let buffer = buffers.take(MAX_LINE_BYTES).ok_or(Errno::ENOMEM)?;
        Ok(Self { buffer, length: 0, is_too_long: false })
    }

    /// Takes bytes and executes each line that becomes complete, up to the first that fails.
    pub(crate) fn write(&mut self, control: Commands, bytes: &[u8]) -> Result<usize> {
        for byte in bytes {
            if *byte == b'\n' {
                self.finish_line(control)?;
            } else if let Some(slot) = self.buffer.get_mut(self.length) {
                *slot = *byte;
                self.length = self.length.saturating_add(1);
            } else {
                self.is_too_long = true;
            }
        }
        Ok(bytes.len())
    }

    /// Executes the line that was collected.
    fn finish_line(&mut self, control: Commands) -> Result<()> {
        let length = core::mem::take(&mut self.length);
        if core::mem::take(&mut self.is_too_long) {
            return Err(Errno::EINVAL);
        }
        let line = self.buffer.get(..length).and_then(|line| str::from_utf8(line).ok());
        let line = line.ok_or(Errno::EINVAL)?.trim();
        if line.is_empty() { Ok(()) } else { control.command(line) }
    }

    /// Executes a last line without a newline, and frees the buffer.
    pub(crate) fn close(mut self, control: Commands, buffers: &dyn Buffers) -> Result<()> {
        let result = self.finish_line(control);
        buffers.give(self.buffer);
        result
    }
}

/// A writer into a slice, which also counts the bytes that did not fit.
struct Slice<'a> {
    buffer: &'a mut [u8],
    length: usize,
    wanted: usize,
}

impl<'a> Slice<'a> {
    fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0, wanted: 0 }
    }

    /// The length of the text, if there was room for all of it.
    fn whole(&self) -> Result<usize> {
        if self.length == self.wanted { Ok(self.length) } else { Err(Errno::EIO) }
    }
}

impl Write for Slice<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_whole = self.length == self.wanted;
        self.wanted = self.wanted.saturating_add(text.len());
        if is_whole && let Some(target) = self.buffer.get_mut(self.length..self.wanted) {
            target.copy_from_slice(text.as_bytes());
            self.length = self.wanted;
        }
        Ok(())
    }
}
