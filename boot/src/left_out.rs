//! What the plain data has no room for, counted: a warning says it, so that nothing is lost without a word.

use core::fmt;

/// What was left out. None of it is used, and memory that is taken never counts as free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Memory that could have been used, had there been room for more ranges.
    pub usable_bytes: u64,
    /// Memory in pieces so small and far from all others that reaching them would cost more than they give.
    pub scattered_bytes: u64,
    /// Memory above [`crate::REACH_END`].
    pub beyond_reach_bytes: u64,
    /// Regions of other memory that were joined with their neighbours, and what lies between with them.
    pub joined_regions: usize,
    /// Sections of the kernel's file.
    pub sections: usize,
}

impl LeftOut {
    /// Nothing.
    pub const NOTHING: Self =
        Self { usable_bytes: 0, scattered_bytes: 0, beyond_reach_bytes: 0, joined_regions: 0, sections: 0 };

    /// Whether there was room for all.
    pub fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }

    /// Memory that the firmware gives and the kernel does not use.
    pub const fn bytes(&self) -> u64 {
        self.usable_bytes.saturating_add(self.scattered_bytes).saturating_add(self.beyond_reach_bytes)
    }
}

impl Default for LeftOut {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// Names what was left out, and nothing else.
impl fmt::Display for LeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { usable_bytes, scattered_bytes, beyond_reach_bytes, joined_regions, sections } = *self;
        let mut separator = "";
        for (amount, what) in [
            (usable_bytes, "bytes of usable memory in ranges beyond the 1,024 that are kept"),
            (
                scattered_bytes,
                "bytes of usable memory in pieces too small and scattered to be worth their page tables",
            ),
            (beyond_reach_bytes, "bytes of usable memory above 64 TiB"),
            (joined_regions as u64, "reserved regions joined with their neighbours"),
            (sections as u64, "sections of the kernel's file"),
        ] {
            if amount > 0 {
                write!(out, "{separator}{amount} {what}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}
