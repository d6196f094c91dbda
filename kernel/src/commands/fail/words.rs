//! Rules in words.

use core::fmt;

use memstat::{FaultRule, Faults};

use crate::arch::VAddr;
use crate::symbols;

/// What fails, and how often that was so.
pub(crate) struct InWords<'a>(pub(crate) &'a Faults);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.0;
        match faults.rule {
            FaultRule::Off => write!(out, "none is made to fail")?,
            FaultRule::Nth(number) => write!(out, "the {} fails", Ordinal(number))?,
            FaultRule::Every(1) => write!(out, "each fails")?,
            FaultRule::Every(number) => write!(out, "each {} fails", Ordinal(number))?,
            FaultRule::Probability { per_million } => {
                write!(out, "{}.{:04} of a hundred fail", per_million / 10_000, per_million % 10_000)?;
            }
        }
        if let Some(times) = faults.times_left {
            write!(out, ", {times} more at most")?;
        }
        if faults.sizes != (0..=usize::MAX) {
            write!(out, "; only of {} to {} bytes", faults.sizes.start(), faults.sizes.end())?;
        }
        for (number, range) in faults.sites.ranges().enumerate() {
            write!(out, "{}", if number == 0 { "; only asked for by " } else { ", " })?;
            if range.start() == range.end() {
                write!(out, "{}", symbols::ReturnAddress(VAddr::from_usize(*range.start())))?;
            } else if let Some(function) = symbols::function_of(&range) {
                write!(out, "{function}")?;
            } else {
                write!(out, "{:#x}-{:#x}", range.start(), range.end())?;
            }
        }
        if faults.rule == FaultRule::Off {
            return Ok(());
        }
        let interrupts = if faults.are_interrupts_included { "as well" } else { "never" };
        write!(out, "; in interrupt handlers {interrupts}; {} matched, {} failed", faults.seen, faults.failed)
    }
}

/// A number in a row: 1st, 2nd, 3rd, 11th.
pub(crate) struct Ordinal(pub(crate) u64);

impl fmt::Display for Ordinal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match (self.0 % 10, self.0 % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        write!(out, "{}{end}", self.0)
    }
}
