//! Switches of the level, and the steps of the fast paths that follow from it.

use core::ops::BitOr;

use super::Inner;
use crate::backend::Backend;
use crate::guard_level::GuardLevel;
use crate::level::Level;
use crate::record::Guarding;

/// Which copy of the fast path is taken. The last two are inlined into the caller. The others are one function,
/// compiled once for each set of steps that people run, and once for any: that one asks for each step, and keeps more
/// in memory, which costs 115 instructions a pair at `blocks` with red zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in super::super) enum FastPath {
    /// Nothing is ready yet. It is 0, as the initial state is.
    Unprepared,
    /// There is only the slow path, as [`Steps::SLOW`] says.
    Slow,
    Any,
    /// An allocation that counts down to the next sample first, and then takes the copy that it would without.
    Sampling,
    Blocks,
    Stacks,
    Full,
    BlocksRedZone,
    StacksRedZone,
    BlocksFullGuard,
    StacksFullGuard,
    Count,
    /// Nothing, or where the backend does not know what is live: the number of live blocks, and their bytes.
    Pass,
}

impl FastPath {
    /// Whether the copies for sets of steps are left out, and only the one for any is there.
    pub(in super::super) const IS_SMALL: bool = cfg!(feature = "small");

    /// Whether blocks are recorded on this path, or may be.
    pub(in super::super) fn may_record(self) -> bool {
        self > Self::Slow && self < Self::Count
    }
}

/// What the fast path of an allocation or a free does besides calling the backend: a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Steps(u16);

/// The bits of [`Steps`] as a constant parameter of a copy of the fast path.
pub(in super::super) type Copied = u16;

impl Steps {
    /// Nothing.
    pub(in super::super) const NONE: Self = Self(0);
    /// Count the operation.
    pub(in super::super) const COUNT: Self = Self(1);
    /// Count the operation, and enter the block in the live map or remove it: all of level `blocks`.
    pub(in super::super) const BLOCKS: Self = Self(1 | 1 << 1);
    /// Charge an allocation to its call stack; remember the callers of a free.
    pub(in super::super) const STACK: Self = Self(1 << 2);
    /// Write an event to the history.
    pub(in super::super) const EVENT: Self = Self(1 << 3);
    /// Note the free in the history of frees; not for allocations.
    pub(in super::super) const REMEMBER: Self = Self(1 << 5);
    /// A rear red zone.
    pub(in super::super) const RED_ZONE: Self = Self(1 << 6);
    /// Front and rear red zones, poison, and the quarantine.
    pub(in super::super) const FULL_GUARD: Self = Self(1 << 7);
    /// There is no fast path: no backend or one without fast paths, records or guards of an earlier level, or fault
    /// injection.
    pub(in super::super) const SLOW: Self = Self(1 << 8);
    /// All steps of the guards, and `SLOW`, as one test.
    pub(in super::super) const GUARDED: Self = Self(0x1e0);
    /// All steps besides those of levels `blocks` and `stacks`, as one test.
    pub(in super::super) const RARE: Self = Self(0x1e8);

    /// The copy that tests for each step.
    pub(in super::super) const ANY: Copied = Copied::MAX;
    /// Level `blocks`.
    pub(in super::super) const AT_BLOCKS: Copied = Self::BLOCKS.0;
    /// Level `stacks`.
    pub(in super::super) const AT_STACKS: Copied = Self::BLOCKS.0 | Self::STACK.0;
    /// Level `full`.
    pub(in super::super) const AT_FULL: Copied = Self::AT_STACKS | Self::EVENT.0;
    /// Steps that `guard=redzone` adds: to an allocation, and to a free.
    pub(in super::super) const RED_ZONED: [Copied; 2] =
        [Self::RED_ZONE.0, Self::RED_ZONE.0 | Self::REMEMBER.0];
    /// Steps that `guard=full` adds: to an allocation, and to a free.
    pub(in super::super) const FULLY_GUARDED: [Copied; 2] =
        [Self::FULL_GUARD.0, Self::FULL_GUARD.0 | Self::REMEMBER.0];

    /// The steps of a copy: constant, or `current` for [`Steps::ANY`].
    #[inline]
    pub(in super::super) fn of_copy<const COPY: Copied>(current: Self) -> Self {
        if COPY == Self::ANY { current } else { Self(COPY) }
    }

    /// The path for these steps.
    pub(in super::super) fn path(self) -> FastPath {
        const BLOCKS: u16 = Steps::AT_BLOCKS;
        const STACKS: u16 = Steps::AT_STACKS;
        let is_remembered = self.has(Self::REMEMBER) && self.has(Self::RED_ZONE | Self::FULL_GUARD);
        let bits = if is_remembered { self.0 & !Self::REMEMBER.0 } else { self.0 };
        let ([red_zone, _], [full_guard, _]) = (Self::RED_ZONED, Self::FULLY_GUARDED);
        match bits {
            // To find out step by step costs a search of the live map, and a walk of the stack.
            bits if bits & Self::SLOW.0 != 0 => FastPath::Slow,
            0 => FastPath::Pass,
            1 => FastPath::Count,
            _ if FastPath::IS_SMALL => FastPath::Any,
            BLOCKS => FastPath::Blocks,
            STACKS => FastPath::Stacks,
            Self::AT_FULL => FastPath::Full,
            bits if bits == BLOCKS | red_zone => FastPath::BlocksRedZone,
            bits if bits == STACKS | red_zone => FastPath::StacksRedZone,
            bits if bits == BLOCKS | full_guard => FastPath::BlocksFullGuard,
            bits if bits == STACKS | full_guard => FastPath::StacksFullGuard,
            _ => FastPath::Any,
        }
    }

    /// Whether at least one of these steps is set.
    #[inline]
    pub(in super::super) fn has(self, steps: Self) -> bool {
        self.0 & steps.0 != 0
    }

    /// The guards that a new block gets.
    #[inline]
    pub(in super::super) fn guarding(self) -> Guarding {
        if self.has(Self::FULL_GUARD) {
            Guarding::BothRedZones
        } else if self.has(Self::RED_ZONE) {
            Guarding::RearRedZone
        } else {
            Guarding::None
        }
    }

    fn only_if(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }
}

impl BitOr for Steps {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl<B: Backend> Inner<B> {
    pub(in super::super) fn set_level(&mut self, level: Level, stamp: u64) {
        if self.backend.is_none() {
            self.set_level_at_start(level);
            return;
        }
        self.synchronise();
        if self.level == Level::Off {
            self.tallies.raise_peak();
        }
        // A switch has a sequence number of its own, which lies between those of the events before and after it.
        self.sequence += 1;
        let is_switched_on = |part: Level| self.level < part && level >= part;
        if is_switched_on(Level::Stacks) {
            self.stacks_since_sequence = self.sequence;
        }
        if is_switched_on(Level::Full) {
            self.history_since_sequence = self.sequence;
        }
        let since = &mut self.since;
        for (part, since_stamp) in [
            (Level::Counters, &mut since.counters),
            (Level::Blocks, &mut since.blocks),
            (Level::Stacks, &mut since.stacks),
            (Level::Full, &mut since.history),
        ] {
            if is_switched_on(part) {
                *since_stamp = stamp;
            }
        }
        self.level = level;
        self.choose_steps();
    }

    /// Whether events are written.
    pub(in super::super) fn keeps_history(&self) -> bool {
        self.level == Level::Full && !self.is_history_off
    }

    /// Sets whether events are written at level `full`.
    pub(in super::super) fn set_history(&mut self, is_on: bool, stamp: u64) {
        if is_on && self.is_history_off {
            self.since.history = stamp;
            self.history_since_sequence = self.sequence;
        }
        self.is_history_off = !is_on;
        self.choose_steps();
    }

    pub(in super::super) fn set_fault_injection(&mut self, is_on: bool) {
        self.is_injecting_faults = is_on;
        self.choose_steps();
    }

    /// Chooses the steps of the fast paths again, after anything that they depend on has changed.
    pub(in super::super) fn choose_steps(&mut self) {
        self.is_guarding = self.level >= Level::Blocks && self.guards.level > GuardLevel::Off;
        if self.is_guarding || self.level < Level::Stacks {
            self.recent_frees.clear();
            self.lanes.clear_frees();
        }
        if self.level < Level::Blocks {
            self.guards.freed.clear();
        }
        let has_fast_path =
            !self.is_injecting_faults && self.backend.as_ref().is_some_and(Backend::has_fast_path);
        let is_known = |backend: &B| !B::KNOWS_LIVE || backend.live().is_some();
        self.is_counting = self.level != Level::Off || !self.backend.as_ref().is_none_or(is_known);
        self.is_sampling =
            self.level >= Level::Blocks && self.guards.pool.interval() > 0 && self.guards.pool.slots() > 0;
        let both = match self.level {
            Level::Off if !self.is_counting => Steps::NONE,
            Level::Off | Level::Counters => Steps::COUNT,
            Level::Blocks => Steps::BLOCKS,
            Level::Stacks | Level::Full => Steps::BLOCKS | Steps::STACK,
        };
        let zones = match self.guards.level {
            GuardLevel::RedZone => Steps::RED_ZONE,
            GuardLevel::Full => Steps::FULL_GUARD,
            GuardLevel::Off | GuardLevel::Free => Steps::NONE,
        };
        let both = both
            | zones.only_if(self.is_guarding)
            | Steps::EVENT.only_if(self.keeps_history())
            | Steps::SLOW.only_if(!has_fast_path);
        // Sampled blocks do not count: no backend's fast path takes their addresses.
        let has_old_guards = !self.is_guarding && self.guards.statistics.guarded_blocks > 0;
        let has_old_records = self.level < Level::Blocks && self.live.len() != 0;
        self.allocation_steps = both;
        self.free_steps = both
            | Steps::REMEMBER.only_if(self.is_guarding)
            | Steps::SLOW.only_if(has_old_guards || has_old_records);
        self.unsampled_path = both.path();
        self.allocation_path = if self.is_sampling { FastPath::Sampling } else { self.unsampled_path };
        self.free_path = self.free_steps.path();
        self.choose_plan();
    }
}
