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

    /// Whether this level does what `needed` does.
    ///
    /// # Errors
    ///
    /// [`LevelTooLow`] if it does less.
    pub fn require(self, needed: Self) -> Result<(), LevelTooLow> {
        if self < needed { Err(LevelTooLow { level: self, needed }) } else { Ok(()) }
    }
}

/// That too little is recorded for what was asked. As text it says what is missing, and what to type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelTooLow {
    /// The level that is set.
    pub level: Level,
    /// The least one that is enough.
    pub needed: Level,
}

impl fmt::Display for LevelTooLow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, needed } = self;
        let lack = match level {
            Level::Off | Level::Counters => "is not recorded",
            Level::Blocks => "has no call stack",
            Level::Stacks | Level::Full => "is in no history",
        };
        write!(out, "level is {level}: what comes {lack}; type memstat level {needed}")
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
            let expected = format!("level is {level}: what comes is not recorded; type memstat level blocks");
            assert_eq!(answer(level, Level::Blocks), Err(expected));
        }
        let expected = "level is blocks: what comes has no call stack; type memstat level stacks";
        assert_eq!(answer(Level::Blocks, Level::Stacks), Err(expected.into()));
        for level in [Level::Blocks, Level::Stacks, Level::Full] {
            assert_eq!(answer(level, Level::Blocks), Ok(()));
        }
    }
}
