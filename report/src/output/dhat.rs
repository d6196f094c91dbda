//! A profile for DHAT's viewer: valgrind, `dhat/dh_main.c` and `dhat/dh_view.js`, file version 2.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::profile::{Profile, Values};

/// The JSON. What is live is what DHAT calls "at t-end"; "at t-gmax" has the same, as a dump knows no other time.
pub fn dhat(profile: &Profile) -> Json {
    let mut frames = vec!["[root]".to_string()];
    let mut numbers: HashMap<String, usize> = HashMap::new();
    // The viewer takes each list of frames once only.
    let mut sums: HashMap<Vec<usize>, Values> = HashMap::new();
    let mut order = Vec::new();
    for sample in &profile.samples {
        let mut stack: Vec<usize> = profile
            .frames(sample)
            .map(|(place, frame)| {
                let name = place.shown(frame);
                let text = match frame.place() {
                    at if at.is_empty() => format!("{:#x}: {name}", place.address),
                    at => format!("{:#x}: {name} ({at})", place.address),
                };
                number(&mut frames, &mut numbers, text)
            })
            .collect();
        if stack.is_empty() {
            stack.push(number(&mut frames, &mut numbers, "(no call stack)".into()));
        }
        sums.entry(stack.clone())
            .or_insert_with(|| {
                order.push(stack);
                Values::default()
            })
            .add(&sample.values);
    }
    let points = order.iter().filter_map(|stack| {
        // A difference may have less than nothing, which the viewer has no room for.
        let values = sums.get(stack)?.positive();
        let Values { live_bytes, live_blocks, total_bytes, total_blocks, peak_bytes } = values;
        (!values.is_zero()).then(|| {
            json!({
                "tb": total_bytes, "tbk": total_blocks,
                "tl": 0,
                "mb": peak_bytes, "mbk": live_blocks,
                "gb": live_bytes, "gbk": live_blocks,
                "eb": live_bytes, "ebk": live_blocks,
                "fs": stack,
            })
        })
    });
    let points: Vec<Json> = points.collect();
    json!({
        "dhatFileVersion": 2,
        "mode": "heap",
        "verb": "Allocated",
        // Block lifetimes are not known.
        "bklt": true,
        "bkacc": false,
        "tu": "microseconds", "Mtu": "seconds", "tuth": 10,
        "cmd": profile.program,
        "pid": 0,
        "tg": profile.time_us,
        "te": profile.time_us,
        "pps": points,
        "ftbl": frames,
    })
}

fn number(frames: &mut Vec<String>, numbers: &mut HashMap<String, usize>, text: String) -> usize {
    *numbers.entry(text).or_insert_with_key(|text| {
        frames.push(text.clone());
        frames.len() - 1
    })
}
