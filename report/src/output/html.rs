//! One HTML page about one or several dumps: balance, timeline, what grew, flame graph, treemap, and a table of call stacks
//! to sort and search. It needs no network.
//!
//! The page is a fixed text with the data in it as JSON; its scripts write names as text, never as markup.

mod lives;

use serde_json::{Value as Json, json};

use crate::dump::Dump;
use crate::profile::{Merged, Place, Profile, Values};
use lives::lives;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
/// The scripts, in the order in which they run.
const SCRIPTS: [&str; 7] = [
    include_str!("html/data.js"),
    include_str!("html/flame.js"),
    include_str!("html/treemap.js"),
    include_str!("html/overview.js"),
    include_str!("html/timeline.js"),
    include_str!("html/table.js"),
    include_str!("html/main.js"),
];
/// Where the data comes in the page.
const PLACE: &str = "{\"place\":\"of the data\"}";
/// Blocks whose lives are in a page; more would make it slow.
const MAX_LIVES: usize = 20_000;

/// The page of dumps in the order of their times; the last is shown first, compared with `base` if there is one.
pub fn page(dumps: &[(Dump, Profile)], base: Option<&(Dump, Profile)>) -> String {
    let all: Vec<&(Dump, Profile)> = base.into_iter().chain(dumps).collect();
    // The last one first, so that numbers of call stacks are its own.
    let profiles: Vec<&Profile> = all.iter().rev().map(|(_, profile)| profile).collect();
    let merged = Merged::new(&profiles);
    let values: Vec<_> = merged.values.iter().rev().collect();
    let order = order(&merged, base.is_some());
    // The place of each stack in the page.
    let mut places = vec![0; order.len()];
    for (place, stack) in order.iter().enumerate() {
        if let Some(target) = places.get_mut(*stack) {
            *target = place;
        }
    }
    let place_of = |stack: usize| places.get(stack).copied().unwrap_or(0);
    let stacks = order.iter().filter_map(|stack| merged.stacks.get(*stack));
    let numbers = merged.numbers.first().into_iter().flatten();
    let numbers = numbers.map(|(number, stack)| (*number, place_of(*stack))).collect();
    let (lives, left_out) =
        all.last().map_or_else(Default::default, |(dump, _)| lives(dump, &numbers, MAX_LIVES));
    let data = json!({
        "program": all.last().map(|(dump, _)| dump.program.as_str()).unwrap_or_default(),
        "base": base.map(|_| 0),
        "dumps": all.iter().zip(values).map(|((dump, _), values)| {
            let values = values.iter().map(|(stack, values)| {
                let Values { live_bytes, live_blocks, total_bytes, total_blocks, .. } = values;
                json!([place_of(*stack), live_bytes, live_blocks, total_bytes, total_blocks])
            });
            summary(dump, &values.collect::<Json>())
        }).collect::<Vec<_>>(),
        "places": merged.places.iter().map(frames).collect::<Vec<_>>(),
        "stacks": stacks.map(|(number, places)| json!([number, places])).collect::<Vec<_>>(),
        "lives": lives,
        "lives_left_out": left_out,
    });
    // So that no name ends the element that the data is in.
    let data = data.to_string().replace('<', "\\u003c");
    let page = PAGE.replacen("{{style}}", STYLE.trim_end(), 1);
    page.replacen("{{script}}", SCRIPTS.concat().trim_end(), 1).replacen(PLACE, &data, 1)
}

/// The call stacks, as indices: those with most live bytes in the last dump come first, or those that grew most.
fn order(merged: &Merged, is_difference: bool) -> Vec<usize> {
    let mut bytes = vec![0_i64; merged.stacks.len()];
    let mut add = |values: Option<&Vec<(usize, Values)>>, sign: i64| {
        for (stack, values) in values.into_iter().flatten() {
            if let Some(sum) = bytes.get_mut(*stack) {
                *sum = sum.saturating_add(values.live_bytes.saturating_mul(sign));
            }
        }
    };
    add(merged.values.first(), 1);
    if is_difference {
        add(merged.values.last(), -1);
    }
    let mut order: Vec<usize> = (0..bytes.len()).collect();
    order.sort_by_key(|stack| std::cmp::Reverse(bytes.get(*stack).copied().unwrap_or(0)));
    order
}

/// The functions of a place: name, and `file:line`.
fn frames(place: &Place) -> Json {
    place.frames.iter().map(|frame| json!([place.shown(frame), frame.place()])).collect()
}

/// A dump without its call stacks.
fn summary(dump: &Dump, values: &Json) -> Json {
    let Dump { live, totals, .. } = dump;
    json!({
        "time_us": dump.time_us,
        "level": dump.level,
        "state": dump.state.to_string(),
        "during": dump.during.map_or([0, 0], |(allocations, frees)| [allocations, frees]),
        "live": {
            "blocks": live.blocks, "recorded": live.recorded_blocks, "bytes": live.bytes, "taken": live.taken_bytes,
            "peak_blocks": live.peak_blocks, "peak_bytes": live.peak_bytes,
        },
        "totals": {
            "allocations": totals.allocations, "requested": totals.requested_bytes, "frees": totals.frees,
            "reallocations": totals.reallocations, "failures": totals.failures, "bad_frees": totals.bad_frees,
            "untracked": totals.untracked,
        },
        "sizes": dump.sizes.iter().map(|class| (class.from_bytes, class.blocks, class.bytes)).collect::<Vec<_>>(),
        "ages": dump.ages.iter().map(|class| (class.from_ms, class.blocks, class.bytes)).collect::<Vec<_>>(),
        "values": values,
    })
}
