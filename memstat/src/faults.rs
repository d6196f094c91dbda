//! Which allocations are made to fail, so that what happens then can be tried.
//!
//! The rules are those of Linux's failslab (Documentation/fault-injection/fault-injection.rst): every so many, the
//! one of a number, or by chance; narrowed by size and by the place that asks. A [`Faults`] only decides; where it
//! is asked, and what it is told of the place, is the caller's business.

use core::fmt;
use core::ops::RangeInclusive;

/// When an allocation fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// Never.
    #[default]
    Off,
    /// Once: the one of this number among those that match, counted from 1.
    Nth(u64),
    /// Each time that so many have matched.
    Every(u64),
    /// By chance, in so many of a million cases.
    Chance {
        /// Cases of a million.
        per_million: u32,
    },
}

/// What is made to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// When.
    pub rule: Rule,
    /// Sizes that match, in bytes.
    pub sizes: RangeInclusive<usize>,
    /// Return addresses of the callers that match; any of the innermost frames may.
    pub sites: RangeInclusive<usize>,
    /// Whether allocations of interrupt handlers match as well.
    pub are_interrupts_included: bool,
    /// How many may fail yet; `None` for any number.
    pub times_left: Option<u64>,
    /// How many matched.
    pub seen: u64,
    /// How many failed.
    pub failed: u64,
    random: u64,
}

impl Faults {
    /// Nothing fails.
    pub const OFF: Self = Self {
        rule: Rule::Off,
        sizes: 0..=usize::MAX,
        sites: 0..=usize::MAX,
        are_interrupts_included: false,
        times_left: None,
        seen: 0,
        failed: 0,
        random: 0,
    };

    /// Starts the numbers of chance from `seed`: the same seed makes the same cases fail.
    pub fn set_seed(&mut self, seed: u64) {
        self.random = seed;
    }

    /// Whether callers are told apart, so that their stacks have to be walked.
    pub fn has_sites(&self) -> bool {
        self.sites != (0..=usize::MAX)
    }

    /// Whether an allocation of `size_bytes` is to fail. `is_at_site` is asked only where callers are told apart.
    pub fn should_fail(
        &mut self,
        size_bytes: usize,
        is_interrupt: bool,
        is_at_site: impl FnOnce(&RangeInclusive<usize>) -> bool,
    ) -> bool {
        let is_matched = self.rule != Rule::Off
            && self.times_left != Some(0)
            && self.sizes.contains(&size_bytes)
            && (self.are_interrupts_included || !is_interrupt)
            && (!self.has_sites() || is_at_site(&self.sites));
        if !is_matched {
            return false;
        }
        self.seen += 1;
        let fails = match self.rule {
            Rule::Off => false,
            Rule::Nth(number) => self.seen == number,
            Rule::Every(count) => count > 0 && self.seen.is_multiple_of(count),
            Rule::Chance { per_million } => self.next_random() % 1_000_000 < u64::from(per_million),
        };
        if fails {
            self.failed += 1;
            self.times_left = self.times_left.map(|times| times - 1);
        }
        fails
    }

    /// A number that looks random (Vigna, `SplitMix64`).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Takes a command in; `site` finds the addresses that a name stands for. What it changes is what it names; each
    /// change of the rule starts the counts over.
    ///
    /// | command | effect |
    /// | --- | --- |
    /// | `off` | nothing fails, and all that was set is forgotten |
    /// | `nth N` | the Nth from now on fails |
    /// | `every N` | each Nth fails |
    /// | `probability P [seed S]` | so many of a hundred fail by chance, as in `2.5` |
    /// | `times N` | at most so many fail |
    /// | `sizes FIRST-LAST` | only these sizes in bytes |
    /// | `site NAME` or `site FIRST-LAST` | only what is asked for by this function, or from these addresses |
    /// | `interrupts on` or `off` | whether those of interrupt handlers may fail |
    ///
    /// # Errors
    ///
    /// [`NoCommand`] for anything else; nothing has changed then.
    pub fn apply(
        &mut self,
        command: &str,
        site: impl FnOnce(&str) -> Option<RangeInclusive<usize>>,
    ) -> Result<(), NoCommand> {
        let mut new = self.clone();
        let mut words = command.split_ascii_whitespace();
        let mut next = || words.next().ok_or(NoCommand);
        match next()? {
            "off" => new = Self::OFF,
            "nth" => new.start(Rule::Nth(positive(next()?)?)),
            "every" => new.start(Rule::Every(positive(next()?)?)),
            "probability" => {
                new.start(Rule::Chance { per_million: hundredths_of_percent(next()?)? });
                if let Ok(word) = next() {
                    if word != "seed" {
                        return Err(NoCommand);
                    }
                    new.set_seed(next()?.parse().map_err(|_| NoCommand)?);
                }
            }
            "times" => new.times_left = Some(positive(next()?)?),
            "sizes" => new.sizes = range(next()?, |word| word.parse().ok()).ok_or(NoCommand)?,
            "site" => {
                let word = next()?;
                let addresses = range(word, |word| usize::from_str_radix(word.strip_prefix("0x")?, 16).ok());
                new.sites = addresses.or_else(|| site(word)).ok_or(NoCommand)?;
            }
            "interrupts" => {
                new.are_interrupts_included = match next()? {
                    "on" => true,
                    "off" => false,
                    _ => return Err(NoCommand),
                }
            }
            _ => return Err(NoCommand),
        }
        if next().is_ok() {
            return Err(NoCommand);
        }
        *self = new;
        Ok(())
    }

    fn start(&mut self, rule: Rule) {
        self.rule = rule;
        self.seen = 0;
        self.failed = 0;
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Rule::Off => writeln!(out, "off")?,
            Rule::Nth(number) => writeln!(out, "nth {number}")?,
            Rule::Every(count) => writeln!(out, "every {count}")?,
            Rule::Chance { per_million } => {
                writeln!(out, "probability {}.{:04}", per_million / 10_000, per_million % 10_000)?;
            }
        }
        if self.sizes != (0..=usize::MAX) {
            writeln!(out, "sizes {}-{}", self.sizes.start(), self.sizes.end())?;
        }
        if self.has_sites() {
            writeln!(out, "site {:#x}-{:#x}", self.sites.start(), self.sites.end())?;
        }
        if let Some(times) = self.times_left {
            writeln!(out, "times {times}")?;
        }
        if self.are_interrupts_included {
            writeln!(out, "interrupts on")?;
        }
        writeln!(out, "seen {} failed {}", self.seen, self.failed)
    }
}

/// What was said is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCommand;

impl fmt::Display for NoCommand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "not a rule: off, nth N, every N, probability P [seed S], times N, sizes A-B, site NAME|A-B, \
             interrupts on|off",
        )
    }
}

fn positive(word: &str) -> Result<u64, NoCommand> {
    word.parse().ok().filter(|number| *number > 0).ok_or(NoCommand)
}

/// `FIRST-LAST`, in this order.
fn range(word: &str, number: impl Fn(&str) -> Option<usize>) -> Option<RangeInclusive<usize>> {
    let (first, last) = word.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..=last)
}

/// A part of a hundred with up to four decimals, as cases of a million.
fn hundredths_of_percent(word: &str) -> Result<u32, NoCommand> {
    let (whole, decimals) = word.split_once('.').unwrap_or((word, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 4 || whole.len() > 3 {
        return Err(NoCommand);
    }
    let number = |text: &str| text.parse::<u32>().map_err(|_| NoCommand);
    let per_million = number(whole)? * 10_000 + number(decimals)? * 10_u32.pow(4 - decimals.len() as u32);
    if per_million <= 1_000_000 { Ok(per_million) } else { Err(NoCommand) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn failing(faults: &mut Faults, cases: u64) -> Vec<u64> {
        (1..=cases).filter(|_| faults.should_fail(64, false, |_| true)).collect()
    }

    fn with(commands: &[&str]) -> Faults {
        let mut faults = Faults::OFF;
        for command in commands {
            faults.apply(command, |name| (name == "here").then_some(10..=20)).unwrap();
        }
        faults
    }

    #[test]
    fn rules_choose_what_they_say() {
        assert_eq!(failing(&mut with(&["nth 3"]), 10), [3]);
        assert_eq!(failing(&mut with(&["every 4"]), 10), [4, 8]);
        assert_eq!(failing(&mut with(&["every 4", "times 1"]), 10), [4]);
        assert_eq!(failing(&mut with(&["every 1", "off"]), 10), [] as [u64; 0]);
        let some = failing(&mut with(&["probability 10 seed 7"]), 10_000);
        assert!((800..1200).contains(&some.len()), "{}", some.len());
        assert_eq!(some, failing(&mut with(&["probability 10 seed 7"]), 10_000));
        assert_ne!(some, failing(&mut with(&["probability 10 seed 8"]), 10_000));
        assert_eq!(failing(&mut with(&["probability 100"]), 3), [1, 2, 3]);
        assert_eq!(failing(&mut with(&["probability 0"]), 3), [] as [u64; 0]);
    }

    #[test]
    fn what_does_not_match_is_not_counted() {
        let mut faults = with(&["every 1", "sizes 100-200", "site here"]);
        assert!(!faults.should_fail(99, false, |_| true));
        assert!(!faults.should_fail(100, true, |_| true));
        assert!(!faults.should_fail(100, false, |sites| sites.contains(&9)));
        assert_eq!(faults.seen, 0);
        assert!(faults.should_fail(200, false, |sites| sites.contains(&20)));
        faults.apply("interrupts on", |_| None).unwrap();
        assert!(faults.should_fail(100, true, |_| true));
        assert_eq!(
            faults.to_string(),
            "every 1\nsizes 100-200\nsite 0xa-0x14\ninterrupts on\nseen 2 failed 2\n"
        );
    }

    #[test]
    fn what_is_no_command_changes_nothing() {
        let before = with(&["every 3", "sizes 1-2"]);
        for command in [
            "",
            "on",
            "nth",
            "nth 0",
            "nth x",
            "every -1",
            "every 3 4",
            "probability 101",
            "probability 1.00001",
            "probability 5 seed",
            "probability 5 speed 3",
            "sizes 3",
            "sizes 4-3",
            "site nowhere",
            "site 0x5-0x4",
            "times 0",
            "interrupts maybe",
            "off now",
        ] {
            let mut faults = before.clone();
            assert_eq!(faults.apply(command, |_| None), Err(NoCommand), "{command}");
            assert_eq!(faults, before, "{command}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_line_gets_an_answer(line in "(off|nth|every|probability|seed|sizes|site|times|[0-9.x-]{1,9}| ){0,8}|.*") {
            let mut faults = Faults::OFF;
            let _ = faults.apply(&line, |_| None);
            failing(&mut faults, 3);
        }
    }
}
