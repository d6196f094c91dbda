//! Counts what was left out of the boot information, for a warning: nothing is lost silently.

use core::fmt;

/// What was left out. None of it is used; memory in use never counts as free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Usable memory in ranges that did not fit into the list.
    pub usable_bytes: u64,
    /// The part of it that is in whole frames of regions that are kept.
    pub ranges_bytes: u64,
    /// Usable memory in ranges so small and scattered that their page tables would cost more than they provide.
    pub scattered_bytes: u64,
    /// Usable memory above [`crate::REACH_END`].
    pub beyond_reach_bytes: u64,
    /// Regions of other memory that were joined with their neighbours, together with the gaps between them.
    pub joined_regions: usize,
    /// Sections of the kernel's file.
    pub sections: usize,
}

impl LeftOut {
    /// Nothing.
    pub const NOTHING: Self = Self {
        usable_bytes: 0,
        ranges_bytes: 0,
        scattered_bytes: 0,
        beyond_reach_bytes: 0,
        joined_regions: 0,
        sections: 0,
    };

    /// Whether nothing was left out.
    pub fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }

    /// Usable memory that the kernel does not use, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.usable_bytes.saturating_add(self.scattered_bytes).saturating_add(self.beyond_reach_bytes)
    }
}

impl Default for LeftOut {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// Lists what was left out.
impl fmt::Display for LeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            usable_bytes,
            ranges_bytes: _,
            scattered_bytes,
            beyond_reach_bytes,
            joined_regions,
            sections,
        } = *self;
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
