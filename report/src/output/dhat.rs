//! A profile for DHAT's viewer: valgrind, `dhat/dh_main.c` and `dhat/dh_view.js`, file version 2.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::profile::{Profile, Value, Values};

/// The JSON. What is live is what DHAT calls "at t-end"; "at t-gmax" has the same, as a dump knows no other time.
pub fn dhat(profile: &Profile) -> Json {
    let mut frames = vec!["[root]".to_string()];
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let points: Vec<Json> = profile
        .samples
        .iter()
        .map(|sample| {
            let mut stack: Vec<usize> = profile
                .frames(sample)
                .map(|(place, frame)| {
                    let name = place.shown(frame);
                    let text = match (frame.file.as_str(), frame.line) {
                        ("", _) => format!("{:#x}: {name}", place.address),
                        (file, line) => format!("{:#x}: {name} ({file}:{line})", place.address),
                    };
                    number(&mut frames, &mut numbers, text)
                })
                .collect();
            if stack.is_empty() {
                stack.push(number(&mut frames, &mut numbers, "(no call stack)".into()));
            }
            let Values { live_bytes, live_blocks, .. } = sample.values;
            json!({
                "tb": Value::TotalBytes.of(&sample.values), "tbk": Value::TotalBlocks.of(&sample.values),
                "tl": 0,
                "mb": sample.values.peak_bytes, "mbk": live_blocks,
                "gb": live_bytes, "gbk": live_blocks,
                "eb": live_bytes, "ebk": live_blocks,
                "fs": stack,
            })
        })
        .collect();
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
