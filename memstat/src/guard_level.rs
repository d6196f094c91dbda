//! How much is guarded.

use core::fmt;

/// How much is checked. Every level includes the ones before it. All of them need records, so below
/// [`Level::Blocks`](crate::Level::Blocks) nothing is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuardLevel {
    /// No guards. Bad frees are still refused, as the records are enough for that.
    Off,
    /// A history of frees: the last ones are kept, with their call stacks at [`Level::Stacks`](crate::Level::Stacks) and
    /// above.
    Free,
    /// A red zone after each block, which is checked when the block is freed.
    RedZone,
    /// A red zone before it too, poison in fresh and freed memory, and a quarantine for freed blocks.
    Full,
}

impl GuardLevel {
    /// All levels, the lowest first.
    pub const ALL: [Self; 4] = [Self::Off, Self::Free, Self::RedZone, Self::Full];

    /// The level's name in commands and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Free => "free",
            Self::RedZone => "redzone",
            Self::Full => "full",
        }
    }

    /// The level with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for GuardLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
