//! One HTML page: overview, flame graph, and a table of call stacks to sort and search. It needs no network.
//!
//! The page is a fixed text with the data in it as JSON; its script writes names as text, never as markup.

use serde_json::json;

use crate::dump::Dump;
use crate::profile::Profile;

const PAGE: &str = include_str!("html/page.html");
/// Where the data comes in the page.
const PLACE: &str = "{\"place\":\"of the data\"}";

/// The page.
pub fn page(dump: &Dump, profile: &Profile) -> String {
    let places = profile.places.iter().map(|place| {
        let frames = place.frames.iter().map(|frame| {
            let at =
                if frame.file.is_empty() { String::new() } else { format!("{}:{}", frame.file, frame.line) };
            json!([place.shown(frame), at])
        });
        frames.collect::<Vec<_>>()
    });
    let stacks = profile.samples.iter().map(|sample| {
        let values = &sample.values;
        json!([
            sample.number,
            values.live_bytes,
            values.live_blocks,
            values.total_bytes,
            values.total_blocks,
            sample.places
        ])
    });
    let data = json!({
        "program": dump.program,
        "level": dump.level,
        "state": dump.state.to_string(),
        "time_us": dump.time_us,
        "live": [dump.live.blocks, dump.live.bytes, dump.live.taken_bytes, dump.live.peak_blocks, dump.live.peak_bytes],
        "totals": [dump.totals.allocations, dump.totals.requested_bytes, dump.totals.frees, dump.totals.failures],
        "sizes": dump.sizes.iter().map(|class| (class.from_bytes, class.blocks, class.bytes)).collect::<Vec<_>>(),
        "ages": dump.ages.iter().map(|class| (class.from_ms, class.blocks, class.bytes)).collect::<Vec<_>>(),
        "places": places.collect::<Vec<_>>(),
        "stacks": stacks.collect::<Vec<_>>(),
    });
    // So that no name ends the element that the data is in.
    PAGE.replacen(PLACE, &data.to_string().replace('<', "\\u003c"), 1)
}
