//! A heap event in a report: sequence number, time, kind, address, size.

use core::fmt;

use crate::stamp::Seconds;

/// A heap event that displays as one line. An event that is not in the history, such as a free at `memstat=stacks`, has
/// sequence number 0, which is shown as a dash.
pub struct EventLine {
    /// Sequence number; 0 if it has none.
    pub sequence: u64,
    /// Nanoseconds since boot.
    pub time_ns: u64,
    /// What happened.
    pub kind: &'static str,
    /// Address of the block.
    pub address: u64,
    /// Size of the block.
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
