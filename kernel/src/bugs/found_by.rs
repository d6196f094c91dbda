//! What detects a bug that the kernel does not always detect, and what is still missing for that.

use core::fmt;

use memstat::{GuardLevel, Level};

use crate::memory::heap::tracker;

/// The check that detects a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundBy {
    /// No check has to be on.
    Always,
    /// A red zone, when the block is freed.
    RedZone,
    /// The poison in freed blocks, by `guard check`.
    Poison,
    /// The poison in free pages, when they are taken again.
    PagePoison,
    /// The page of a freed block that is sampled.
    FreedPage,
    /// A guard page on one side of a block: sampled blocks lie at the end and at the start of their page in turn.
    OneSide,
}

impl FoundBy {
    /// The commands, for the list of bugs; empty if none is needed.
    pub(crate) fn commands(self) -> &'static str {
        match self {
            Self::Always => "",
            Self::RedZone => "guard redzone or guard sample 1",
            Self::Poison => "guard full and later guard check, or guard sample 1",
            Self::PagePoison => "guard full",
            Self::FreedPage => "guard sample 1",
            Self::OneSide => "guard sample 1, every other time",
        }
    }

    /// What to do now, by what is on.
    pub(crate) fn next_step(self) -> NextStep {
        NextStep {
            found_by: self,
            level: tracker().level(),
            guard: tracker().guards().level(),
            interval: tracker().guards().sampling_interval(),
        }
    }
}

/// What a person who waits for a report does next.
pub(crate) struct NextStep {
    found_by: FoundBy,
    level: Level,
    guard: GuardLevel,
    interval: u32,
}

impl fmt::Display for NextStep {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found_by, level, guard, interval } = self;
        if *level < Level::Blocks {
            return write!(out, "guards have no effect at memstat level {level}: type memstat level stacks");
        }
        match (found_by, interval) {
            (FoundBy::PagePoison, _) => write!(out, "what finds it: {}", found_by.commands()),
            (FoundBy::Poison, _) if *guard == GuardLevel::Full => out.write_str("type guard check"),
            (FoundBy::OneSide, 1) => out.write_str(
                "run it again: a sampled block lies at the end and at the start of its page in turn",
            ),
            (_, 2..) => {
                write!(out, "only one block in {interval} is sampled: type guard sample 1 and run it again")
            }
            _ => write!(out, "what finds it: {}", found_by.commands()),
        }
    }
}
