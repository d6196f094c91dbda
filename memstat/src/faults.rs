//! Which allocations are made to fail, so that what happens then can be tried.
//!
//! The rules are those of Linux's failslab (Documentation/fault-injection/fault-injection.rst): every so many, the
//! one of a number, or by chance; narrowed by size and by the place that asks. A [`Faults`] only decides; where it
//! is asked, and what it is told of the place, is the caller's business.

use core::fmt;
use core::ops::RangeInclusive;

mod sites;

pub use sites::{MOST_SITES, Sites, TooManySites};

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
    pub sites: Sites,
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
        sites: Sites::ALL,
        are_interrupts_included: false,
        times_left: None,
        seen: 0,
        failed: 0,
        random: 0,
    };

    /// The same with another rule, its counts at 0.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.start(rule);
        self
    }

    /// Starts the numbers of chance from `seed`: the same seed makes the same cases fail.
    pub fn set_seed(&mut self, seed: u64) {
        self.random = seed;
    }

    /// Whether an allocation of `size_bytes` is to fail. `is_at_site` is asked only where callers are told apart.
    pub fn should_fail(
        &mut self,
        size_bytes: usize,
        is_interrupt: bool,
        is_at_site: impl FnOnce(&Sites) -> bool,
    ) -> bool {
        let is_matched = self.rule != Rule::Off
            && self.times_left != Some(0)
            && self.sizes.contains(&size_bytes)
            && (self.are_interrupts_included || !is_interrupt)
            && (self.sites.is_all() || is_at_site(&self.sites));
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

    /// Takes a command in; `find_site` adds the places that a word stands for. What it changes is what it names; each
    /// change of the rule starts the counts over.
    ///
    /// | command | effect |
    /// | --- | --- |
    /// | `off` | nothing fails, and all that was set is forgotten |
    /// | `nth N` | the Nth from now on fails |
    /// | `every N` | each Nth fails |
    /// | `probability P [seed S]` | so many of a hundred fail by chance, as in `2.5` |
    /// | `times N` | at most so many fail |
    /// | `size FIRST-LAST` or `sizes FIRST-LAST` | only these sizes in bytes |
    /// | `site WORD` or `site FIRST-LAST` | only what is asked for by this function or line, or from these addresses |
    /// | `interrupts on` or `off` | whether those of interrupt handlers may fail |
    ///
    /// # Errors
    ///
    /// [`FaultsError`] for anything else; nothing has changed then.
    pub fn apply(
        &mut self,
        command: &str,
        find_site: impl FnOnce(&str, &mut Sites) -> Result<(), TooManySites>,
    ) -> Result<(), FaultsError> {
        const NO: FaultsError = FaultsError::NoCommand;
        let mut new = self.clone();
        // The name of a function may have blanks in it.
        if let Some(word) = command.trim().strip_prefix("site ") {
            new.sites = sites_of(word.trim(), find_site)?;
            *self = new;
            return Ok(());
        }
        let mut words = command.split_ascii_whitespace();
        let mut next = || words.next().ok_or(NO);
        match next()? {
            "off" => new = Self::OFF,
            "nth" => new.start(Rule::Nth(positive(next()?)?)),
            "every" => new.start(Rule::Every(positive(next()?)?)),
            "probability" => {
                new.start(Rule::Chance { per_million: hundredths_of_percent(next()?)? });
                if let Ok(word) = next() {
                    if word != "seed" {
                        return Err(NO);
                    }
                    new.set_seed(next()?.parse().map_err(|_| NO)?);
                }
            }
            "times" => new.times_left = Some(positive(next()?)?),
            "size" | "sizes" => new.sizes = range(next()?, |word| word.parse().ok()).ok_or(NO)?,
            "interrupts" => {
                new.are_interrupts_included = match next()? {
                    "on" => true,
                    "off" => false,
                    _ => return Err(NO),
                }
            }
            _ => return Err(NO),
        }
        if next().is_ok() {
            return Err(NO);
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
        if !self.sites.is_all() {
            writeln!(out, "site {}", self.sites)?;
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

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultsError {
    /// It is none.
    NoCommand,
    /// No function and no line of the code is called so.
    NoSite,
    /// So many places have this name that they can't be kept apart.
    TooManySites,
}

impl fmt::Display for FaultsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => out.write_str(
                "not a rule: off, nth N, every N, probability P [seed S], times N, size A-B, site NAME|FILE:LINE|A-B, \
                 interrupts on|off",
            ),
            Self::NoSite => out.write_str("no function has this name, and no call stands in such a line"),
            Self::TooManySites => {
                write!(out, "ambiguous: more than {MOST_SITES} places have this name; write its module before it")
            }
        }
    }
}

/// The places that a word stands for: addresses, or what `find` knows.
fn sites_of(
    word: &str,
    find: impl FnOnce(&str, &mut Sites) -> Result<(), TooManySites>,
) -> Result<Sites, FaultsError> {
    if let Some(sites) = Sites::from_text(word) {
        return Ok(sites);
    }
    let mut sites = Sites::ALL;
    find(word, &mut sites).map_err(|TooManySites| FaultsError::TooManySites)?;
    if sites.is_all() { Err(FaultsError::NoSite) } else { Ok(sites) }
}

fn positive(word: &str) -> Result<u64, FaultsError> {
    word.parse().ok().filter(|number| *number > 0).ok_or(FaultsError::NoCommand)
}

/// `FIRST-LAST`, in this order.
fn range(word: &str, number: impl Fn(&str) -> Option<usize>) -> Option<RangeInclusive<usize>> {
    let (first, last) = word.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..=last)
}

/// A part of a hundred with up to four decimals, as cases of a million.
fn hundredths_of_percent(word: &str) -> Result<u32, FaultsError> {
    let (whole, decimals) = word.split_once('.').unwrap_or((word, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 4 || whole.len() > 3 {
        return Err(FaultsError::NoCommand);
    }
    let number = |text: &str| text.parse::<u32>().map_err(|_| FaultsError::NoCommand);
    let per_million = number(whole)? * 10_000 + number(decimals)? * 10_u32.pow(4 - decimals.len() as u32);
    if per_million <= 1_000_000 { Ok(per_million) } else { Err(FaultsError::NoCommand) }
}

#[cfg(test)]
mod tests;
