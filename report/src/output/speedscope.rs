//! A profile for speedscope: github.com/jlfwong/speedscope, `src/lib/file-format-spec.ts`.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::profile::{Profile, Value};

/// The JSON: one profile for each value.
pub fn speedscope(profile: &Profile) -> Json {
    let mut frames: Vec<Json> = Vec::new();
    let mut numbers: HashMap<(String, String, u32), usize> = HashMap::new();
    let mut frame = |name: String, file: &str, line: u32| {
        let next = frames.len();
        let number = *numbers.entry((name.clone(), file.into(), line)).or_insert(next);
        if number == next {
            frames.push(match (file, line) {
                ("", _) => json!({ "name": name }),
                (_, 0) => json!({ "name": name, "file": file }),
                _ => json!({ "name": name, "file": file, "line": line }),
            });
        }
        number
    };
    let stacks: Vec<Vec<usize>> = profile
        .samples
        .iter()
        .map(|sample| {
            let named = profile
                .frames(sample)
                .map(|(place, found)| frame(place.shown(found), &found.file, found.line));
            let mut stack: Vec<_> = named.collect();
            stack.reverse();
            if stack.is_empty() {
                stack.push(frame("(no call stack)".into(), "", 0));
            }
            stack
        })
        .collect();
    let profiles = Value::ALL.map(|value| {
        let weights = profile.samples.iter().map(|sample| value.of(&sample.values).max(0));
        let pairs: Vec<_> = stacks.iter().zip(weights).filter(|(_, weight)| *weight > 0).collect();
        let end = pairs.iter().fold(0_i64, |sum, (_, weight)| sum.saturating_add(*weight));
        json!({
            "type": "sampled",
            "name": value.name(),
            "unit": if value.unit() == "bytes" { "bytes" } else { "none" },
            "startValue": 0,
            "endValue": end,
            "samples": pairs.iter().map(|(stack, _)| stack).collect::<Vec<_>>(),
            "weights": pairs.iter().map(|(_, weight)| weight).collect::<Vec<_>>(),
        })
    });
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("memstat-report ", env!("CARGO_PKG_VERSION")),
        "name": profile.program,
        "activeProfileIndex": 0,
        "shared": { "frames": frames },
        "profiles": profiles,
    })
}
