//! Severity and facility of a message, as in syslog; and the text of a message in `/dev/kmsg`.
//!
//! Sources: RFC 5424, section 6.2.1 (numbers); Linux, Documentation/ABI/testing/dev-kmsg (prefix and record).

use core::fmt::{self, Write};

use log::Level;

use crate::ring::Entry;

/// Severity of a message that names none: a warning, as in Linux.
pub(crate) const DEFAULT_SEVERITY: u8 = 4;
/// Messages of the kernel itself.
const KERNEL: u8 = 0;
/// The facility of other messages that name none.
const USER: u8 = 1;
const SEVERITY_BITS: u32 = 3;

/// Severity (0 to 7, the lower the more urgent) and facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// Severity: 0 (most urgent) to 7.
    pub severity: u8,
    /// Facility: the source of the message; 0 is the kernel.
    pub facility: u8,
}

impl Priority {
    /// The kernel's own message of this level.
    pub fn of_kernel(level: Level) -> Self {
        let severity = match level {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        Self { severity, facility: KERNEL }
    }

    /// Splits a line into the priority of its prefix, as in `<14>`, and the rest. Facility 0 becomes 1: only the kernel
    /// itself writes messages of the kernel.
    pub fn split(line: &str) -> (Self, &str) {
        let prefixed = line.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let number = prefixed.and_then(|(digits, text)| Some((digits.parse::<u16>().ok()?, text)));
        let Some((number, text)) = number.filter(|(number, _)| number >> SEVERITY_BITS <= u8::MAX.into())
        else {
            return (Self { severity: DEFAULT_SEVERITY, facility: USER }, line);
        };
        let facility = (number >> SEVERITY_BITS) as u8;
        let facility = if facility == KERNEL { USER } else { facility };
        (Self { severity: number as u8 & 7, facility }, text)
    }

    /// Facility and severity in one number.
    fn number(self) -> u16 {
        u16::from(self.facility) << SEVERITY_BITS | u16::from(self.severity)
    }
}

/// A message as `/dev/kmsg` shows it, without a newline: `6,339,5140900,-;text`.
pub struct RecordText<'a> {
    /// Sequence number of the message.
    pub number: u64,
    /// The message.
    pub entry: &'a Entry,
}

impl fmt::Display for RecordText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, entry } = self;
        write!(out, "{},{number},{},-;", entry.priority.number(), entry.time_ns / 1000)?;
        entry.text.bytes().try_for_each(|byte| match byte {
            b'\\' => write!(out, "\\x5c"),
            b' '..=b'~' => out.write_char(byte.into()),
            _ => write!(out, "\\x{byte:02x}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_says_how_urgent_and_whose() {
        for (line, severity, facility, text) in [
            ("<6>hello", 6, 1, "hello"),
            ("<30>udevd", 6, 3, "udevd"),
            ("hello", 4, 1, "hello"),
            ("<6 hello", 4, 1, "<6 hello"),
            ("<-1>x", 4, 1, "<-1>x"),
            ("<>x", 4, 1, "<>x"),
            ("<2047>x", 7, 255, "x"),
            ("<2048>x", 4, 1, "<2048>x"),
        ] {
            assert_eq!(Priority::split(line), (Priority { severity, facility }, text), "{line}");
        }
    }

    #[test]
    fn record_has_numbers_and_escaped_text() {
        let priority = Priority { severity: 6, facility: 3 };
        let entry = Entry::new(5_690_716_123, priority, format_args!("a\\bä~"));
        assert_eq!(
            RecordText { number: 340, entry: &entry }.to_string(),
            "30,340,5690716,-;a\\x5cb\\xc3\\xa4~"
        );
    }
}
