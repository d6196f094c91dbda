//! How much is recorded.

use core::fmt;

/// What the tracker does for each block. Every level does all that the ones before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing: the backend alone.
    Off,
    /// Counters.
    Counters,
    /// The exact live map; bad frees are refused from here on.
    Blocks,
    /// The call stack of each allocation, with totals by stack.
    Stacks,
    /// A history of events.
    Full,
}

impl Level {
    /// All levels, from the least on.
    pub const ALL: [Self; 5] = [Self::Off, Self::Counters, Self::Blocks, Self::Stacks, Self::Full];

    /// The level's name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Counters => "counters",
            Self::Blocks => "blocks",
            Self::Stacks => "stacks",
            Self::Full => "full",
        }
    }

    /// The level of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
