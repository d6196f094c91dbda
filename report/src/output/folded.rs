//! Folded stacks: one call stack a line, functions from the outermost inward with `;` between, and a value. Flame graph
//! tools read these.
//!
//! The innermost frame is the place of the allocation, `file:line`, where that is known: so a graph ends with the line to
//! look at. The lines with the largest values come first, those that grew most if there are two profiles.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use crate::profile::{Profile, Value};

/// The call stacks with what is positive of a value. Stacks with the same functions are one line.
pub fn folded(profile: &Profile, value: Value) -> String {
    let mut sums: Vec<_> = sums(profile, value).into_iter().filter(|(_, sum)| *sum > 0).collect();
    sums.sort_by_key(|(_, sum)| Reverse(*sum));
    sums.iter().fold(String::new(), |mut text, (stack, sum)| {
        // A string takes everything.
        let _ = writeln!(text, "{stack} {sum}");
        text
    })
}

/// Two profiles in one: each line has the values of the first and of the second.
pub fn folded_difference(base: &Profile, profile: &Profile, value: Value) -> String {
    let mut both: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for (number, profile) in [base, profile].into_iter().enumerate() {
        for (stack, sum) in sums(profile, value) {
            if let Some(place) = both.entry(stack).or_default().get_mut(number) {
                *place = sum.max(0);
            }
        }
    }
    let mut both: Vec<_> = both.into_iter().filter(|(_, sums)| sums.iter().any(|sum| *sum > 0)).collect();
    // Both are not negative, so the difference fits.
    both.sort_by_key(|(_, [before, after])| Reverse(after - before));
    both.iter().fold(String::new(), |mut text, (stack, [before, after])| {
        let _ = writeln!(text, "{stack} {before} {after}");
        text
    })
}

fn sums(profile: &Profile, value: Value) -> BTreeMap<String, i64> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for sample in &profile.samples {
        let mut frames: Vec<_> = profile.functions(sample).iter().map(|name| plain(name)).collect();
        if let Some((_, frame)) = profile.frames(sample).next()
            && !frame.file.is_empty()
        {
            frames.push(plain(&frame.place()));
        }
        let sum = sums.entry(frames.join(";")).or_default();
        *sum = sum.saturating_add(value.of(&sample.values));
    }
    sums
}

/// The name without what has a meaning in the format.
fn plain(name: &str) -> String {
    let is_sign = |character: char| character == ';' || character.is_control();
    name.chars().map(|character| if is_sign(character) { ':' } else { character }).collect()
}
