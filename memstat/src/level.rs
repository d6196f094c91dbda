//! How much is recorded.

use core::fmt;

/// How much the tracker records. Every level includes the ones before it.
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
    /// All levels, the lowest first.
    pub const ALL: [Self; 5] = [Self::Off, Self::Counters, Self::Blocks, Self::Stacks, Self::Full];

    /// The level's name in commands and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Counters => "counters",
            Self::Blocks => "blocks",
            Self::Stacks => "stacks",
            Self::Full => "full",
        }
    }

    /// The level with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// Checks that this level includes `needed`.
    ///
    /// # Errors
    ///
    /// [`LevelTooLow`] if it is lower.
    pub fn require(self, needed: Self) -> Result<(), LevelTooLow> {
        if self < needed { Err(LevelTooLow { level: self, needed }) } else { Ok(()) }
    }
}

/// The level is too low for a request. As text it says what is missing, and which command raises the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelTooLow {
    /// The current level.
    pub level: Level,
    /// The lowest level that is enough.
    pub needed: Level,
}

impl fmt::Display for LevelTooLow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, needed } = self;
        let lack = match level {
            Level::Off | Level::Counters => "new blocks are not recorded",
            Level::Blocks => "new blocks have no call stack",
            Level::Stacks | Level::Full => "events are not recorded",
        };
        write!(out, "level is {level}: {lack}; type memstat level {needed}")
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_too_low_names_the_remedy() {
        let answer = |level: Level, needed| level.require(needed).map_err(|error| error.to_string());
        for level in [Level::Off, Level::Counters] {
            let expected =
                format!("level is {level}: new blocks are not recorded; type memstat level blocks");
            assert_eq!(answer(level, Level::Blocks), Err(expected));
        }
        let expected = "level is blocks: new blocks have no call stack; type memstat level stacks";
        assert_eq!(answer(Level::Blocks, Level::Stacks), Err(expected.into()));
        for level in [Level::Blocks, Level::Stacks, Level::Full] {
            assert_eq!(answer(level, Level::Blocks), Ok(()));
        }
    }
}
