//! A profile for pprof: github.com/google/pprof, `proto/profile.proto`, compressed with gzip.

use std::collections::HashMap;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::protobuf::Message;
use crate::profile::{Profile, Value};

/// The sample types, by the names that Go's own heap profiles have, so that `-inuse_space` and the like work.
const TYPES: [(&str, &str, Value); 4] = [
    ("alloc_objects", "count", Value::TotalBlocks),
    ("alloc_space", "bytes", Value::TotalBytes),
    ("inuse_objects", "count", Value::LiveBlocks),
    ("inuse_space", "bytes", Value::LiveBytes),
];

/// Fields of `Profile`.
const SAMPLE_TYPE: u64 = 1;
const SAMPLE: u64 = 2;
const LOCATION: u64 = 4;
const FUNCTION: u64 = 5;
const STRING_TABLE: u64 = 6;
const TIME_NANOS: u64 = 9;
const COMMENT: u64 = 13;
const DEFAULT_SAMPLE_TYPE: u64 = 14;

/// Texts, each once; number 0 is the empty one.
#[derive(Default)]
struct Texts {
    numbers: HashMap<String, u64>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u64 {
        let next = self.texts.len() as u64;
        let number = *self.numbers.entry(text.into()).or_insert(next);
        if number == next {
            self.texts.push(text.into());
        }
        number
    }
}

/// The profile's bytes, not compressed.
pub fn encode(profile: &Profile) -> Vec<u8> {
    let (mut message, mut texts) = (Message::default(), Texts::default());
    texts.number("");
    for (name, unit, _) in TYPES {
        let (name, unit) = (texts.number(name), texts.number(unit));
        message.message(SAMPLE_TYPE, |value_type| {
            value_type.number(1, name);
            value_type.number(2, unit);
        });
    }
    // Number 1 is the location of blocks without a call stack; places follow.
    for sample in &profile.samples {
        let locations = sample.places.iter().map(|place| *place as u64 + 2);
        let locations: Vec<_> = if sample.places.is_empty() { vec![1] } else { locations.collect() };
        let stack = texts.number("stack");
        message.message(SAMPLE, |entry| {
            entry.numbers(1, locations);
            entry.numbers(2, TYPES.map(|(_, _, value)| value.of(&sample.values) as u64));
            entry.message(3, |label| {
                label.number(1, stack);
                label.number(3, sample.number.into());
            });
        });
    }
    let mut functions: HashMap<(u64, u64), u64> = HashMap::new();
    let mut line = |texts: &mut Texts, name: &str, file: &str, line: u32| {
        let key = (texts.number(name), texts.number(file));
        let next = functions.len() as u64 + 1;
        (*functions.entry(key).or_insert(next), u64::from(line))
    };
    let nowhere = [line(&mut texts, "(no call stack)", "", 0)];
    write_location(&mut message, 1, 0, &nowhere);
    for (number, place) in profile.places.iter().enumerate() {
        let frames =
            place.frames.iter().map(|frame| line(&mut texts, &place.shown(frame), &frame.file, frame.line));
        let frames: Vec<_> = frames.collect();
        write_location(&mut message, number as u64 + 2, place.address, &frames);
    }
    for ((name, file), id) in functions {
        // Without a system name, as pprof would cut the generic arguments off a name that is not said to be demangled.
        message.message(FUNCTION, |function| {
            function.number(1, id);
            function.number(2, name);
            function.number(4, file);
        });
    }
    let comment = texts.number(&format!("memstat dump of {}", profile.program));
    message.number(TIME_NANOS, profile.time_us.saturating_mul(1000));
    message.number(COMMENT, comment);
    let usual = texts.number("inuse_space");
    message.number(DEFAULT_SAMPLE_TYPE, usual);
    for text in &texts.texts {
        message.bytes(STRING_TABLE, text.as_bytes());
    }
    message.into_bytes()
}

fn write_location(message: &mut Message, id: u64, address: u64, lines: &[(u64, u64)]) {
    message.message(LOCATION, |location| {
        location.number(1, id);
        location.number(3, address);
        for (function, line) in lines {
            location.message(4, |entry| {
                entry.number(1, *function);
                entry.number(2, *line);
            });
        }
    });
}

/// Writes the profile, compressed.
///
/// # Errors
///
/// The writer's own.
pub fn write(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::default());
    gzip.write_all(&encode(profile))?;
    gzip.finish().map(|_| ())
}
