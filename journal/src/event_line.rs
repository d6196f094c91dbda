//! An event of the heap in a report: number, time, what, address, size.

use core::fmt;

use crate::stamp::Seconds;

/// Shows the event. What is only remembered, as frees are at `memstat=stacks`, has the number 0, and a dash in its
/// place.
pub struct EventLine {
    /// Its number; 0 if it has none.
    pub sequence: u64,
    /// Nanoseconds since the start.
    pub time_ns: u64,
    /// What happened.
    pub kind: &'static str,
    /// Where the block starts.
    pub address: u64,
    /// Its size.
    pub size_bytes: u64,
}

impl fmt::Display for EventLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sequence {
            0 => write!(out, "-")?,
            number => write!(out, "{number}")?,
        }
        let Self { kind, address, size_bytes, .. } = self;
        write!(out, " {} {kind} {address:#x} {size_bytes} bytes", Seconds(self.time_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::EventLine;

    #[test]
    fn what_has_no_number_has_a_dash() {
        let mut line =
            EventLine { sequence: 7, time_ns: 1_000_002_999, kind: "free", address: 0xff0, size_bytes: 48 };
        assert_eq!(line.to_string(), "7 1.000002 free 0xff0 48 bytes");
        line.sequence = 0;
        assert_eq!(line.to_string(), "- 1.000002 free 0xff0 48 bytes");
    }
}
