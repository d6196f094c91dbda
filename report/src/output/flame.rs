//! Flame graphs, by the crate `inferno`.

use inferno::flamegraph::{Direction, Options, from_lines};

use super::folded::{folded, folded_difference};
use crate::profile::{Profile, Value};

/// Narrower boxes are left out: they are a pixel, and thousands of them make the file too large to be opened.
const MIN_WIDTH_PERCENT: f64 = 0.1;

/// Which way a flame graph grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Upward: the outermost function is at the bottom.
    Flames,
    /// Downward.
    Icicles,
}

/// A flame graph as SVG; with a `base`, its colours show what grew and what shrank since then.
///
/// # Errors
///
/// The text of the crate's own error, as when no call stack has a positive value.
pub fn flame_graph(
    profile: &Profile,
    base: Option<&Profile>,
    value: Value,
    shape: Shape,
) -> Result<Vec<u8>, String> {
    let text = match base {
        Some(base) => folded_difference(base, profile, value),
        None => folded(profile, value),
    };
    if text.is_empty() {
        return Err(format!("no call stack has {}", value.name()));
    }
    // The crate adds without a check.
    let numbers =
        text.lines().flat_map(|line| line.rsplit(' ').take(2)).filter_map(|word| word.parse::<u64>().ok());
    if numbers.fold(0_u64, u64::saturating_add) > i64::MAX as u64 {
        return Err(format!("the sum of {} is too large for a graph", value.name()));
    }
    let mut options = Options::default();
    let growth = if base.is_some() { ", and what changed" } else { "" };
    options.title = format!("{}: {}{growth}", profile.program, value.name());
    options.count_name = value.unit().into();
    options.min_width = MIN_WIDTH_PERCENT;
    options.direction = match shape {
        Shape::Flames => Direction::Straight,
        Shape::Icicles => Direction::Inverted,
    };
    let mut svg = Vec::new();
    from_lines(&mut options, text.lines(), &mut svg).map_err(|error| error.to_string())?;
    Ok(svg)
}
