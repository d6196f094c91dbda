//! The crash record of the black box, as bytes that survive a restart.
//!
//! A record is written in place, header first, and is valid only once it is sealed: the checksum covers all of it, and the
//! magic number of a sealed record is written last. What is read may be noise, an older version or an incomplete record,
//! so every length is checked against the available bytes, and any value is handled. All numbers are little-endian.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use core::fmt;

pub use reader::Record;
pub use writer::Writer;

const OPEN_MARK: [u8; 8] = *b"TallyOPN";
const SEALED_MARK: [u8; 8] = *b"TallyBOX";
const VERSION: u32 = 1;

/// Offsets of the fields in the header.
mod at {
    pub(super) const VERSION: usize = 8;
    pub(super) const CHECKSUM: usize = 12;
    pub(super) const REPORT_BYTES: usize = 16;
    pub(super) const EVENTS: usize = 20;
    pub(super) const LOG_BYTES: usize = 24;
    /// Ending, level, guard, a byte each.
    pub(super) const CODES: usize = 28;
    pub(super) const SEQUENCE: usize = 32;
    pub(super) const BUILD: usize = 40;
    pub(super) const BOOT: usize = 44;
    pub(super) const UPTIME_NS: usize = 48;
    pub(super) const DATE_SECONDS: usize = 56;
    pub(super) const FIGURES: usize = 64;
}

/// Number of figures in the header, eight bytes each.
const FIGURES: usize = 9;
const HEAD_BYTES: usize = at::FIGURES + FIGURES * 8;
/// Number, time, address, size, caller, kind.
const EVENT_BYTES: usize = 48;
/// The header of a line of the log: time and length.
const LINE_HEAD_BYTES: usize = 12;

/// How the kernel ended, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was running: reset, hang or loss of power.
    Running,
    /// A panic.
    Panic,
    /// An exception.
    Exception,
    /// The command `reboot`.
    Reboot,
    /// The command `poweroff`.
    PowerOff,
}

impl Ending {
    const ALL: [Self; 5] = [Self::Running, Self::Panic, Self::Exception, Self::Reboot, Self::PowerOff];
}

impl fmt::Display for Ending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Running => "unknown: reset, hang or loss of power",
            Self::Panic => "panic",
            Self::Exception => "exception",
            Self::Reboot => "reboot",
            Self::PowerOff => "poweroff",
        })
    }
}

/// The header: which record it is, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How the kernel ended.
    pub ending: Ending,
    /// Sequence number over all boots; the newest record has the highest one.
    pub sequence: u64,
    /// Identifies the build of the kernel.
    pub build: u32,
    /// Number of boots since the region was empty.
    pub boot: u32,
    /// Nanoseconds since that boot.
    pub uptime_ns: u64,
    /// Seconds since 1970; 0 if the date was unknown.
    pub date_seconds: u64,
}

/// Counters of pages, heap and tracker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Managed pages.
    pub total_pages: u64,
    /// Free pages.
    pub free_pages: u64,
    /// Live blocks of the heap.
    pub live_blocks: u64,
    /// Bytes in live blocks.
    pub live_bytes: u64,
    /// Allocations so far.
    pub allocations: u64,
    /// Frees so far.
    pub frees: u64,
    /// Allocations that failed.
    pub failures: u64,
    /// Frees that were refused.
    pub bad_frees: u64,
    /// Events recorded so far.
    pub events: u64,
}

impl Figures {
    fn to_array(self) -> [u64; FIGURES] {
        [
            self.total_pages,
            self.free_pages,
            self.live_blocks,
            self.live_bytes,
            self.allocations,
            self.frees,
            self.failures,
            self.bad_frees,
            self.events,
        ]
    }

    fn from_array(figures: [u64; FIGURES]) -> Self {
        let [
            total_pages,
            free_pages,
            live_blocks,
            live_bytes,
            allocations,
            frees,
            failures,
            bad_frees,
            events,
        ] = figures;
        Self {
            total_pages,
            free_pages,
            live_blocks,
            live_bytes,
            allocations,
            frees,
            failures,
            bad_frees,
            events,
        }
    }
}

/// An event of the heap's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// Sequence number.
    pub sequence: u64,
    /// Nanoseconds since boot.
    pub time_ns: u64,
    /// Address of the block.
    pub address: u64,
    /// Size of the block.
    pub size_bytes: u64,
    /// The return address in the calling function; 0 if unknown.
    pub caller: u64,
    /// Index of the kind in `memstat::EventKind::ALL`.
    pub kind: u8,
}

/// Why bytes are not a valid record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRecord {
    /// There is no magic number: nothing was written, or something else.
    Empty,
    /// It was not sealed.
    Unsealed,
    /// Unknown format.
    Version {
        /// Number of the format.
        version: u32,
    },
    /// Its parts do not fit into the slot.
    Length,
    /// The checksum is wrong.
    Checksum,
}

impl fmt::Display for NoRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "none found, as after a cold start"),
            Self::Unsealed => write!(out, "damaged: it was never finished"),
            Self::Version { version } => write!(out, "unknown format {version}"),
            Self::Length => write!(out, "damaged: its lengths are invalid"),
            Self::Checksum => write!(out, "damaged: its checksum is wrong"),
        }
    }
}

/// The number at `offset`; 0 beyond the end.
fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_le_bytes(*four))
}

/// The number at `offset`; 0 beyond the end.
fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// Offsets of the parts of a record: report, events, log, and its end. `None` if it does not fit into the slot.
fn parts(slot: &[u8]) -> Option<[usize; 4]> {
    let [report_bytes, events, log_bytes] =
        [at::REPORT_BYTES, at::EVENTS, at::LOG_BYTES].map(|offset| u32_at(slot, offset) as usize);
    let report_end = HEAD_BYTES.checked_add(report_bytes)?;
    let events_end = events.checked_mul(EVENT_BYTES)?.checked_add(report_end)?;
    let end = events_end.checked_add(log_bytes)?;
    (end <= slot.len()).then_some([HEAD_BYTES, report_end, events_end, end])
}

/// The checksum of a record that ends at `end`: of everything but the magic number, which changes, and itself.
fn checksum(slot: &[u8], end: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(slot.get(at::VERSION..at::CHECKSUM).unwrap_or_default());
    hasher.update(slot.get(at::REPORT_BYTES..end).unwrap_or_default());
    hasher.finalize()
}
