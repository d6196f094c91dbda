//! The record of a kernel's last moments, as bytes that outlive a restart.
//!
//! A record is written in place, head first, and is valid only once it is sealed: the checksum covers all of it, and
//! the mark of a sealed record is written last. What is read may be noise, an older version or an incomplete record, so
//! every length is checked against the bytes that are there, and every value has an answer. All numbers are
//! little-endian.

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

/// Where the parts of the head stand.
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

/// Figures in the head, eight bytes each.
const FIGURES: usize = 9;
const HEAD_BYTES: usize = at::FIGURES + FIGURES * 8;
/// Number, time, address, size, caller, kind.
const EVENT_BYTES: usize = 48;
/// Before a line of the log: when, and its length.
const LINE_HEAD_BYTES: usize = 12;

/// How the kernel came to its end, as far as it knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ran.
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

/// Which record it is, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How it ended.
    pub ending: Ending,
    /// Counted over all records; the newest has the highest.
    pub sequence: u64,
    /// What tells one build of the kernel from another.
    pub build: u32,
    /// Starts since the region was last found empty.
    pub boot: u32,
    /// Nanoseconds since that start.
    pub uptime_ns: u64,
    /// Seconds since 1970; 0 where the date was not known.
    pub date_seconds: u64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Managed pages.
    pub total_pages: u64,
    /// Those that were free.
    pub free_pages: u64,
    /// Live blocks of the heap.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Allocations so far.
    pub allocations: u64,
    /// Frees so far.
    pub frees: u64,
    /// Allocations that failed.
    pub failures: u64,
    /// Frees that were refused.
    pub bad_frees: u64,
    /// Events that were ever written.
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
    /// Its number.
    pub sequence: u64,
    /// Nanoseconds since the start.
    pub time_ns: u64,
    /// Where the block starts.
    pub address: u64,
    /// Its size.
    pub size_bytes: u64,
    /// The return address in the function that asked; 0 where it is not known.
    pub caller: u64,
    /// The kind's place in `memstat::EventKind::ALL`.
    pub kind: u8,
}

/// Why bytes are not a valid record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRecord {
    /// They do not claim to be one: nobody wrote there, or somebody else did.
    Empty,
    /// It was never finished.
    Unsealed,
    /// Of a format that this kernel does not know.
    Version {
        /// The format.
        version: u32,
    },
    /// Its parts do not fit into it.
    Length,
    /// Its bytes have changed.
    Checksum,
}

impl fmt::Display for NoRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "none is there, as after a start without power"),
            Self::Unsealed => write!(out, "damaged: it was never finished"),
            Self::Version { version } => write!(out, "its format {version} is not known"),
            Self::Length => write!(out, "damaged: its lengths cannot be"),
            Self::Checksum => write!(out, "damaged: its checksum is wrong"),
        }
    }
}

/// The number at `offset`; 0 behind the end.
fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_le_bytes(*four))
}

/// The number at `offset`; 0 behind the end.
fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// Where the parts of a record lie: report, events, log, and where it ends. `None` if that is beyond the slot.
fn parts(slot: &[u8]) -> Option<[usize; 4]> {
    let [report_bytes, events, log_bytes] =
        [at::REPORT_BYTES, at::EVENTS, at::LOG_BYTES].map(|offset| u32_at(slot, offset) as usize);
    let report_end = HEAD_BYTES.checked_add(report_bytes)?;
    let events_end = events.checked_mul(EVENT_BYTES)?.checked_add(report_end)?;
    let end = events_end.checked_add(log_bytes)?;
    (end <= slot.len()).then_some([HEAD_BYTES, report_end, events_end, end])
}

/// The checksum of a record that ends at `end`: of all but the mark, which changes, and itself.
fn checksum(slot: &[u8], end: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(slot.get(at::VERSION..at::CHECKSUM).unwrap_or_default());
    hasher.update(slot.get(at::REPORT_BYTES..end).unwrap_or_default());
    hasher.finalize()
}
