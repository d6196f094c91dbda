//! Fault injection: which allocations are made to fail, to test how failures are handled.
//!
//! The rules are those of Linux's failslab (Documentation/fault-injection/fault-injection.rst): every Nth, only
//! the Nth, or at random; restricted by size and by call site. [`Faults`] only makes the decision; where it is called, how
//! call sites are matched, and the syntax of the rules are up to the host.

use core::ops::RangeInclusive;

mod sites;

pub use sites::{MAX_SITES, Sites, TooManySites};

/// When an allocation fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaultRule {
    /// Never.
    #[default]
    Off,
    /// Once: the Nth of those that match, counted from 1.
    Nth(u64),
    /// Every Nth of those that match.
    Every(u64),
    /// At random, with this probability.
    Probability {
        /// Failures per million allocations that match.
        per_million: u32,
    },
}

/// Which allocations are made to fail, and how many have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Which of the allocations that match fail.
    pub rule: FaultRule,
    /// Sizes that match, in bytes.
    pub sizes: RangeInclusive<usize>,
    /// Call sites that match, by return address.
    pub sites: Sites,
    /// Whether allocations of interrupt handlers match as well.
    pub are_interrupts_included: bool,
    /// How many more allocations may fail; `None` for no limit.
    pub times_left: Option<u64>,
    /// Allocations that have matched since the rule was set.
    pub seen: u64,
    /// Allocations that were made to fail since the rule was set.
    pub failed: u64,
    random: u64,
}

impl Faults {
    /// No allocation is made to fail.
    pub const OFF: Self = Self {
        rule: FaultRule::Off,
        sizes: 0..=usize::MAX,
        sites: Sites::ALL,
        are_interrupts_included: false,
        times_left: None,
        seen: 0,
        failed: 0,
        random: 0,
    };

    /// The same restrictions with another rule, and the counts at 0.
    #[must_use]
    pub fn with_rule(mut self, rule: FaultRule) -> Self {
        self.set_rule(rule);
        self
    }

    /// Seeds the random numbers: the same seed makes the same allocations fail.
    pub fn set_seed(&mut self, seed: u64) {
        self.random = seed;
    }

    /// Whether an allocation of `size_bytes` is to fail; counts it if it matches. `is_at_site` is called only if call sites
    /// are restricted.
    pub fn should_fail(
        &mut self,
        size_bytes: usize,
        is_interrupt: bool,
        is_at_site: impl FnOnce(&Sites) -> bool,
    ) -> bool {
        let is_matched = self.rule != FaultRule::Off
            && self.times_left != Some(0)
            && self.sizes.contains(&size_bytes)
            && (self.are_interrupts_included || !is_interrupt)
            && (self.sites.is_all() || is_at_site(&self.sites));
        if !is_matched {
            return false;
        }
        self.seen += 1;
        let fails = match self.rule {
            FaultRule::Off => false,
            FaultRule::Nth(number) => self.seen == number,
            FaultRule::Every(count) => count > 0 && self.seen.is_multiple_of(count),
            FaultRule::Probability { per_million } => self.next_random() % 1_000_000 < u64::from(per_million),
        };
        if fails {
            self.failed += 1;
            self.times_left = self.times_left.map(|times| times - 1);
        }
        fails
    }

    /// A pseudo-random number (Vigna, `SplitMix64`).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Sets another rule, and the counts to 0.
    pub fn set_rule(&mut self, rule: FaultRule) {
        self.rule = rule;
        self.seen = 0;
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(faults: &mut Faults, cases: u64) -> Vec<u64> {
        (1..=cases).filter(|_| faults.should_fail(64, false, |_| true)).collect()
    }

    #[test]
    fn rules_choose_what_they_say() {
        let of = |rule| failing(&mut Faults::OFF.with_rule(rule), 10);
        assert_eq!(of(FaultRule::Off), [0; 0]);
        assert_eq!(of(FaultRule::Nth(3)), [3]);
        assert_eq!(of(FaultRule::Every(4)), [4, 8]);
        assert_eq!(of(FaultRule::Probability { per_million: 0 }), [0; 0]);
        assert_eq!(of(FaultRule::Probability { per_million: 1_000_000 }).len(), 10);
    }

    #[test]
    fn neighbours_are_one_range() {
        let mut sites = Sites::ALL;
        for range in [1..=4, 5..=9, 11..=12] {
            sites.add(range).unwrap();
        }
        assert_eq!(sites.ranges().collect::<Vec<_>>(), [1..=9, 11..=12]);
    }
}
