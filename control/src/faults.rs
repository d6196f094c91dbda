//! `/proc/fail_alloc` and `/proc/fail_page_alloc`: the rules of fault injection as they are typed and shown. What a
//! rule does is in `memstat`.

use core::fmt;
use core::ops::RangeInclusive;

use memstat::{FaultRule, Faults, MAX_SITES, Sites, TooManySites};

/// Applies a command; `find_site` adds the return addresses that a name stands for. Only the setting that the command
/// names changes; a change of the rule resets the counters.
///
/// | command | effect |
/// | --- | --- |
/// | `off` | nothing fails, and all settings are reset |
/// | `nth N` | the Nth from now on fails |
/// | `every N` | each Nth fails |
/// | `probability P [seed S]` | `P` percent fail at random, as in `2.5` |
/// | `times N` | at most N fail |
/// | `size FIRST-LAST` or `sizes FIRST-LAST` | only these sizes in bytes |
/// | `site WORD` or `site FIRST-LAST` | only allocations by this function or line, or from these return addresses |
/// | `interrupts on` or `off` | whether allocations in interrupt handlers may fail |
///
/// # Errors
///
/// [`FaultsError`] for anything else; nothing has changed then.
pub fn apply(
    faults: &mut Faults,
    command: &str,
    find_site: impl FnOnce(&str, &mut Sites) -> Result<(), TooManySites>,
) -> Result<(), FaultsError> {
    const NO: FaultsError = FaultsError::NoCommand;
    let mut new = faults.clone();
    // The name of a function may contain spaces.
    if let Some(word) = command.trim().strip_prefix("site ") {
        new.sites = sites_of(word.trim(), find_site)?;
        *faults = new;
        return Ok(());
    }
    let mut words = command.split_ascii_whitespace();
    let mut next = || words.next().ok_or(NO);
    match next()? {
        "off" => new = Faults::OFF,
        "nth" => new.set_rule(FaultRule::Nth(positive(next()?)?)),
        "every" => new.set_rule(FaultRule::Every(positive(next()?)?)),
        "probability" => {
            new.set_rule(FaultRule::Probability { per_million: percent_as_per_million(next()?)? });
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
    *faults = new;
    Ok(())
}

/// A rule with its settings and counters, as the file shows them. The lines of settings are valid commands again.
pub struct Text<'a>(pub &'a Faults);

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.0;
        match faults.rule {
            FaultRule::Off => writeln!(out, "off")?,
            FaultRule::Nth(number) => writeln!(out, "nth {number}")?,
            FaultRule::Every(count) => writeln!(out, "every {count}")?,
            FaultRule::Probability { per_million } => {
                writeln!(out, "probability {}.{:04}", per_million / 10_000, per_million % 10_000)?;
            }
        }
        if faults.sizes != (0..=usize::MAX) {
            writeln!(out, "sizes {}-{}", faults.sizes.start(), faults.sizes.end())?;
        }
        if !faults.sites.is_all() {
            writeln!(out, "site {}", SitesText(&faults.sites))?;
        }
        if let Some(times) = faults.times_left {
            writeln!(out, "times {times}")?;
        }
        if faults.are_interrupts_included {
            writeln!(out, "interrupts on")?;
        }
        writeln!(out, "seen {} failed {}", faults.seen, faults.failed)
    }
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultsError {
    /// The command is unknown or malformed.
    NoCommand,
    /// No function or source line has this name.
    NoSite,
    /// More call sites have this name than a rule can hold.
    TooManySites,
}

impl fmt::Display for FaultsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => out.write_str(
                "unknown rule; expected off, nth N, every N, probability P [seed S], times N, size A-B, site NAME|FILE:LINE|A-B, \
                 interrupts on|off",
            ),
            Self::NoSite => out.write_str("unknown place; expected the name of a function, or FILE:LINE with a call in it"),
            Self::TooManySites => {
                write!(out, "ambiguous: more than {MAX_SITES} places have this name; expected its module before it")
            }
        }
    }
}

/// Sites in the form that `site` takes: `0xFIRST-0xLAST`, separated by commas.
struct SitesText<'a>(&'a Sites);

impl fmt::Display for SitesText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, range) in self.0.ranges().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(out, "{comma}{:#x}-{:#x}", range.start(), range.end())?;
        }
        Ok(())
    }
}

/// Parses the text of [`SitesText`]; `None` if it is invalid.
fn sites_from_text(text: &str) -> Option<Sites> {
    let number = |word: &str| usize::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let mut sites = Sites::ALL;
    for part in text.split(',') {
        sites.add(range(part, number)?).ok()?;
    }
    Some(sites)
}

/// The call sites that a word stands for: addresses, or a name that `find` knows.
fn sites_of(
    word: &str,
    find: impl FnOnce(&str, &mut Sites) -> Result<(), TooManySites>,
) -> Result<Sites, FaultsError> {
    if let Some(sites) = sites_from_text(word) {
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

/// A percentage with up to four decimals, in parts per million.
fn percent_as_per_million(word: &str) -> Result<u32, FaultsError> {
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
