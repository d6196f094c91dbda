//! Times as the log shows them.

use core::fmt;

/// Nanoseconds, shown as `[    0.012345]`: seconds with six decimals.
pub struct Stamp(pub u64);

impl fmt::Display for Stamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "[{:5}.{:06}]", self.0 / 1_000_000_000, self.0 / 1000 % 1_000_000)
    }
}

/// Nanoseconds, shown as seconds with six decimals.
pub struct Seconds(pub u64);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:06}", self.0 / 1_000_000_000, self.0 / 1000 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamp_reads_as_linux_writes_it() {
        assert_eq!(Stamp(12_345_678).to_string(), "[    0.012345]");
        assert_eq!(Stamp(123_456_000_000_000).to_string(), "[123456.000000]");
    }
}
