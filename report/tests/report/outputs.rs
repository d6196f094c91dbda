//! Each output has the sums of the dump, to the byte, and names that cannot break it.

use std::collections::BTreeMap;
use std::io::Read;

use crate::common::{allocate, dumped, free, set_stack, tracker};
use flate2::read::GzDecoder;
use memstat::Level;
use memstat::report::{DumpFrame, DumpMark, DumpOptions, DumpParts};
use memstat_report::dump::{AgeClass, Block, Dump, Frame, SizeClass, Stack, read};
use memstat_report::output::flame::{Shape, flame_graph};
use memstat_report::output::folded::{folded, folded_difference};
use memstat_report::output::table::{Table, write_table};
use memstat_report::output::{dhat, html, pprof, speedscope};
use memstat_report::profile::{Profile, Selection, SelectionError, Value};
use memstat_report::symbols::{Symbols, SymbolsError};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence::{self, WithSource};

/// Where inputs that failed are kept.
const BESIDE: FileFailurePersistence = WithSource("proptest-regressions");

/// Names that mean something in a format.
const NAMES: [&str; 5] =
    ["main", "<a::B<C> as d::E>::make", "x;y z", "\"quoted\" & <script>alert(1)</script>", "tab\tbell\u{7}"];

fn name(address: usize, visit: &mut dyn FnMut(&DumpFrame<'_>)) {
    let number = address % NAMES.len();
    visit(&DumpFrame { function: "inlined", file: "src/inner.rs", line: 7 });
    visit(&DumpFrame { function: NAMES[number], file: "src/outer.rs", line: number as u32 });
}

/// A dump of `count` blocks, some of them without a stack, with a mark after 50 of them.
fn sample(count: usize, parts: DumpParts) -> Dump {
    let tracker = tracker(Level::Stacks);
    let mut mark = 0;
    for number in 0..count {
        let depth = number % 7;
        let frames: Vec<_> = (0..depth).map(|frame| 0x1000 + (number % 11) * 16 + frame).collect();
        set_stack(&tracker, &frames);
        let block = allocate(&tracker, number * 13 + 1, 8);
        if number % 5 == 0 {
            free(&tracker, block);
        }
        if number == 50 {
            mark = tracker.leaks().sequence();
        }
    }
    let marks = [DumpMark { name: "half", sequence: mark, stamp: 0 }];
    let text = dumped(
        &tracker,
        &DumpOptions {
            program: "sample",
            parts,
            marks: &marks,
            names: Some(&name),
            ..DumpOptions::default()
        },
    );
    read(text.as_bytes()).unwrap().remove(0)
}

fn profile(dump: &Dump) -> Profile {
    Profile::new(dump, None, &Selection::default()).unwrap()
}

/// What a dump's sum of a value must be.
fn expected(dump: &Dump, value: Value) -> i64 {
    let sum = match value {
        Value::LiveBytes => dump.live.bytes,
        Value::LiveBlocks => dump.live.recorded_blocks,
        Value::TotalBytes => dump.totals.requested_bytes,
        Value::TotalBlocks => dump.totals.allocations,
    };
    sum as i64
}

#[test]
fn a_profile_has_the_sums_of_its_dump() {
    let dump = sample(100, DumpParts::Stacks);
    let sum = profile(&dump).sum();
    for value in Value::ALL {
        assert_eq!(value.of(&sum), expected(&dump, value), "{}", value.name());
        assert!(value.of(&sum) > 0);
    }
}

#[test]
fn folded_stacks_have_the_sums_and_inferno_takes_them() {
    let dump = sample(100, DumpParts::Stacks);
    let profile = profile(&dump);
    for value in Value::ALL {
        let text = folded(&profile, value);
        let sum: i64 =
            text.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap()).sum();
        assert_eq!(sum, expected(&dump, value));
        for shape in [Shape::Flames, Shape::Icicles] {
            let svg = String::from_utf8(flame_graph(&profile, None, value, shape).unwrap()).unwrap();
            let digits: String = svg.chars().filter(|character| *character != ',').collect();
            assert!(
                digits.contains(&format!("all ({sum} {} 100%)", value.unit()))
                    || digits.contains(&format!("all ({sum} {}", value.unit())),
                "{sum} is not in the graph"
            );
            assert!(!svg.contains("<script>alert"), "names are escaped");
        }
    }
    let empty = Profile::default();
    assert_eq!(
        flame_graph(&empty, None, Value::LiveBytes, Shape::Flames).unwrap_err(),
        "no call stack has live-bytes"
    );
}

/// The fields of a protocol buffer message: numbers, and bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = varint(&mut bytes);
        if key & 7 == 2 {
            let (inner, rest) = bytes.split_at(value as usize);
            found.push((key >> 3, 0, inner));
            bytes = rest;
        } else {
            assert_eq!(key & 7, 0);
            found.push((key >> 3, value, &[][..]));
        }
    }
    found
}

fn numbers(mut packed: &[u8]) -> Vec<u64> {
    // Each number as a field of its own.
    let mut found = Vec::new();
    while !packed.is_empty() {
        let end = packed.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        found.push(packed[..end].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)));
        packed = &packed[end..];
    }
    found
}

#[test]
fn pprof_has_the_sums_and_every_number_it_refers_to() {
    let dump = sample(100, DumpParts::Stacks);
    let mut compressed = Vec::new();
    pprof::write(&profile(&dump), &mut compressed).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(compressed.as_slice()).read_to_end(&mut bytes).unwrap();
    let all = fields(&bytes);
    let of = |field: u64| all.iter().filter(move |entry| entry.0 == field).map(|entry| entry.2);
    let texts: Vec<_> = of(6).map(|text| std::str::from_utf8(text).unwrap()).collect();
    assert_eq!(texts[0], "");
    let types: Vec<_> = of(1).map(|entry| texts[fields(entry)[0].1 as usize]).collect();
    assert_eq!(types, ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]);
    let mut sums = [0; 4];
    let locations: Vec<_> = of(4).map(|entry| fields(entry)[0].1).collect();
    for sample in of(2) {
        let parts = fields(sample);
        assert!(numbers(parts[0].2).iter().all(|location| locations.contains(location)));
        sums.iter_mut().zip(numbers(parts[1].2)).for_each(|(sum, value)| *sum += value as i64);
    }
    let wanted = [Value::TotalBlocks, Value::TotalBytes, Value::LiveBlocks, Value::LiveBytes];
    assert_eq!(sums, wanted.map(|value| expected(&dump, value)));
    let functions: BTreeMap<_, _> =
        of(5).map(|entry| (fields(entry)[0].1, texts[fields(entry)[1].1 as usize])).collect();
    assert!(NAMES.iter().all(|name| functions.values().any(|found| found == name)));
    for line in of(4).flat_map(|location| fields(location).into_iter().filter(|part| part.0 == 4)) {
        assert!(functions.contains_key(&fields(line.2)[0].1));
    }
}

#[test]
fn speedscope_and_dhat_have_the_sums() {
    let dump = sample(100, DumpParts::Stacks);
    let profile = profile(&dump);
    let json: serde_json::Value =
        serde_json::from_str(&speedscope::speedscope(&profile).to_string()).unwrap();
    let frame_count = json["shared"]["frames"].as_array().unwrap().len() as u64;
    for (found, value) in json["profiles"].as_array().unwrap().iter().zip(Value::ALL) {
        let weights = found["weights"].as_array().unwrap();
        let sum: i64 = weights.iter().map(|weight| weight.as_i64().unwrap()).sum();
        assert_eq!((sum, found["endValue"].as_i64().unwrap()), (expected(&dump, value), sum));
        let samples = found["samples"].as_array().unwrap();
        assert_eq!(samples.len(), weights.len());
        assert!(
            samples
                .iter()
                .flat_map(|stack| stack.as_array().unwrap())
                .all(|frame| frame.as_u64().unwrap() < frame_count)
        );
    }
    let json: serde_json::Value = serde_json::from_str(&dhat::dhat(&profile).to_string()).unwrap();
    let points = json["pps"].as_array().unwrap();
    let sum = |key: &str| points.iter().map(|point| point[key].as_i64().unwrap()).sum::<i64>();
    assert_eq!(sum("eb"), expected(&dump, Value::LiveBytes));
    assert_eq!(sum("ebk"), expected(&dump, Value::LiveBlocks));
    assert_eq!(sum("tb"), expected(&dump, Value::TotalBytes));
    assert_eq!(sum("tbk"), expected(&dump, Value::TotalBlocks));
}

#[test]
fn a_page_has_the_sums_and_no_name_as_markup() {
    let dump = sample(100, DumpParts::Stacks);
    let selected = profile(&dump);
    let page = html::page(&[(dump.clone(), selected)], None);
    assert!(!page.contains("<script>alert") && page.contains("\\u003cscript>alert"));
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    let (text, rest) = rest.split_once("</script>").unwrap();
    assert!(rest.starts_with("\n<script>\n\"use strict\""), "the data ends where it should");
    assert!(page.len() - text.len() < 100_000, "the page without data is {} bytes", page.len() - text.len());
    let data: serde_json::Value = serde_json::from_str(text).unwrap();
    let stacks = data["dumps"][0]["values"].as_array().unwrap();
    let sum = |column: usize| stacks.iter().map(|stack| stack[column].as_i64().unwrap()).sum::<i64>();
    assert_eq!([1, 2, 3, 4].map(sum), Value::ALL.map(|value| expected(&dump, value)));
    let places = data["places"].as_array().unwrap();
    let names: Vec<_> = places.iter().map(|place| place[1][0].as_str().unwrap()).collect();
    assert!(NAMES.iter().all(|name| names.contains(name)));
    for external in ["http://", "https://", "src=", "innerHTML"] {
        assert!(!page.contains(external), "{external}");
    }
}

fn table(table: Table, dump: &Dump, profile: &Profile) -> String {
    let mut text = String::new();
    write_table(table, dump, profile, Value::LiveBytes, 5, &mut text).unwrap();
    text
}

#[test]
fn tables_have_the_sums_and_nothing_that_a_terminal_acts_on() {
    let dump = sample(100, DumpParts::Blocks);
    let profile = profile(&dump);
    let sum = format!(
        "sum: {} bytes in {} blocks live, {} bytes in {} blocks in total",
        dump.live.bytes, dump.live.blocks, dump.totals.requested_bytes, dump.totals.allocations
    );
    for each in Table::ALL {
        let text = table(each, &dump, &profile);
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text}");
        match each {
            Table::Stacks | Table::Sites | Table::Functions => {
                assert_eq!(text.lines().last(), Some(sum.as_str()));
            }
            Table::Sizes => assert!(text.ends_with(&format!(
                "sum: {} blocks and {} bytes live, {} allocations\n",
                dump.live.blocks, dump.live.bytes, dump.totals.allocations
            ))),
            Table::Ages => assert!(
                text.ends_with(&format!("sum: {} blocks, {} bytes\n", dump.live.blocks, dump.live.bytes))
            ),
            Table::Tasks => assert!(
                text.ends_with(&format!("{:>10} {:>10} {:>14}\n", 0, dump.live.blocks, dump.live.bytes))
            ),
            Table::Summary => {
                assert!(text.contains(&format!("{} bytes asked for", dump.live.bytes)), "{text}");
            }
        }
    }
}

#[test]
fn selections_take_the_blocks_that_they_name() {
    let dump = sample(100, DumpParts::Blocks);
    let select =
        |selection: Selection| Profile::new(&dump, None, &selection).map(|profile| profile.sum().live_bytes);
    let sum = |wanted: &dyn Fn(usize) -> bool| {
        (0..100)
            .filter(|number| number % 5 != 0 && wanted(*number))
            .map(|number| number as i64 * 13 + 1)
            .sum::<i64>()
    };
    let since = |mark: &str| Selection { since: Some(mark.into()), ..Selection::default() };
    assert_eq!(select(since("half")), Ok(sum(&|number| number > 50)));
    assert_eq!(select(since(&dump.marks[0].sequence.to_string())), Ok(sum(&|number| number > 50)));
    assert_eq!(select(since("0")), Ok(dump.live.bytes as i64));
    let error = select(since("none")).unwrap_err();
    assert_eq!(error.to_string(), "unknown mark 'none'; expected half or the number of an event");
    let sizes = Selection { size_bytes: Some(200..=500), ..Selection::default() };
    assert_eq!(select(sizes.clone()), Ok(sum(&|number| (200..=500).contains(&(number * 13 + 1)))));
    let file = Selection { file: Some("outer.rs:1".into()), ..Selection::default() };
    let found = select(file).unwrap();
    assert!(found > 0 && found < dump.live.bytes as i64);
    let function = Selection { function: Some("no such".into()), ..Selection::default() };
    assert_eq!(select(function), Ok(0));
    let by_stack = sample(100, DumpParts::Stacks);
    assert_eq!(Profile::new(&by_stack, None, &sizes).unwrap_err(), SelectionError::NoBlocks);
}

#[test]
fn a_difference_is_what_grew_and_what_shrank() {
    let (before, after) = (sample(60, DumpParts::Stacks), sample(100, DumpParts::Stacks));
    let [old, new] = [&before, &after].map(profile);
    let growth = new.since(&old);
    for value in Value::ALL {
        assert_eq!(value.of(&growth.sum()), expected(&after, value) - expected(&before, value));
    }
    let shrinking = old.since(&new);
    assert_eq!(shrinking.sum().live_bytes, -growth.sum().live_bytes);
    assert!(shrinking.samples.iter().all(|sample| !profile(&after).functions(sample).is_empty()));
    assert!(new.since(&new).samples.is_empty());
    let text = folded_difference(&old, &new, Value::LiveBytes);
    let sums = text.lines().fold([0, 0], |[before, after], line| {
        let mut words = line.rsplitn(3, ' ').map(|word| word.parse::<i64>().unwrap_or(0));
        let (last, first) = (words.next().unwrap(), words.next().unwrap());
        [before + first, after + last]
    });
    assert_eq!(sums, [&before, &after].map(|dump| expected(dump, Value::LiveBytes)));
    assert!(flame_graph(&new, Some(&old), Value::LiveBytes, Shape::Flames).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_failure_persistence(BESIDE))]

    /// Whatever a dump says, with the largest numbers and with stacks twice.
    #[test]
    fn no_dump_panics_an_output(
        numbers in prop::collection::vec(prop_oneof![Just(u64::MAX), Just(i64::MAX as u64), 0..50_u64], 80),
        name in "\\PC{0,20}",
    ) {
        let mut numbers = numbers.into_iter().cycle();
        let mut next = move || numbers.next().unwrap_or(0);
        let mut dump = Dump { program: name.clone(), ..Dump::default() };
        for _ in 0..8 {
            dump.stacks.push(Stack {
                number: next() as u32,
                live_blocks: next(),
                live_bytes: next(),
                peak_bytes: next(),
                total_blocks: next(),
                total_bytes: next(),
                first_us: next(),
                frames: vec![next(), next()],
            });
            let frame = Frame { function: name.clone(), file: name.clone(), line: next() as u32 };
            dump.names.insert(next(), vec![frame]);
            let (size_bytes, stack, sequence) = (next(), next() as u32, next());
            dump.blocks.push(Block { address: 0, size_bytes, stack, sequence, time_us: 0, align_bytes: 8, cpu: 0, task: 0 });
            dump.sizes.push(SizeClass { from_bytes: next(), blocks: next(), bytes: next(), allocations: next() });
            dump.ages.push(AgeClass { from_ms: next(), blocks: next(), bytes: next() });
        }
        (dump.time_us, dump.live.bytes) = (next(), next());
        for since in [None, Some("3".to_string())] {
            let selection = Selection { since, ..Selection::default() };
            let profile = Profile::new(&dump, None, &selection).unwrap();
            let growth = profile.since(&Profile::default()).since(&profile);
            for profile in [profile, growth] {
                for value in Value::ALL {
                    let _ = flame_graph(&profile, Some(&profile), value, Shape::Flames);
                    let _ = flame_graph(&profile, None, value, Shape::Icicles);
                }
                for each in Table::ALL {
                    let _ = table(each, &dump, &profile);
                }
                let _ = (pprof::encode(&profile), speedscope::speedscope(&profile), dhat::dhat(&profile));
                let named = (dump.clone(), profile);
                let _ = html::page(&[named.clone(), named.clone()], Some(&named));
            }
        }
    }
}

#[inline(never)]
fn marker() -> u32 {
    std::process::id()
}

#[test]
fn names_come_from_an_elf_file_with_its_load_offset() {
    let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let base = u64::from_str_radix(maps.split('-').next().unwrap(), 16).unwrap();
    let symbols = Symbols::new(&file, base).unwrap();
    let address = marker as fn() -> u32 as usize as u64;
    let frames = symbols.frames(address + 1, 0);
    let outermost = frames.last().unwrap();
    assert!(outermost.function.ends_with("outputs::marker"), "{frames:?}");
    assert!(
        frames.iter().any(|frame| frame.file.ends_with("tests/report/outputs.rs") && frame.line > 0),
        "{frames:?}"
    );
    assert!(symbols.frames(16, 0).is_empty());
    // A dump that says where its program was loaded needs no option; and its names without lines are replaced.
    let mut dump = Dump { load_offset: base, ..Dump::default() };
    dump.stacks.push(Stack { number: 1, live_bytes: 8, frames: vec![address + 1], ..Stack::default() });
    dump.names.insert(address + 1, vec![Frame { function: "marker".into(), ..Frame::default() }]);
    let symbols = Symbols::new(&file, 0).unwrap();
    let profile = Profile::new(&dump, Some(&symbols), &Selection::default()).unwrap();
    assert_eq!(profile.places[0].frames, frames);
    assert!(matches!(Symbols::new(b"no ELF file", 0), Err(SymbolsError::NotElf(_))));
    assert!(marker() > 0);
}
