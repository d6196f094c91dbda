//! What memstat writes is what the reader reads; and what was cut, torn or changed is told from it.

use std::collections::BTreeMap;

use crate::common::{Tracker, allocate, dumped, free, set_stack, tracker};
use memstat::report::{DumpFrame, DumpMark, DumpOptions, DumpParts, dump};
use memstat::{Event, Level, Platform, Record};
use memstat_report::dump::{Dump, Reader, State, read};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence::{self, WithSource};

/// Where inputs that failed are kept.
const BESIDE: FileFailurePersistence = WithSource("proptest-regressions");

fn one(text: &str) -> Dump {
    let mut dumps = read(text.as_bytes()).unwrap();
    assert_eq!(dumps.len(), 1, "{text}");
    dumps.remove(0)
}

/// The addresses of a call stack with this number.
fn frames(number: usize) -> Vec<usize> {
    let depth = number % 17;
    (0..depth).map(|frame| 0x5555_0000_1000 + number * 0x40 + frame).collect()
}

fn name(address: usize, visit: &mut dyn FnMut(&DumpFrame<'_>)) {
    let (inlined, function) = (format!("<[T; {address}]>::~x*"), format!("outer {address:x} é"));
    visit(&DumpFrame { function: &inlined, file: "", line: 0 });
    visit(&DumpFrame { function: &function, file: "src/a b.rs", line: address as u32 % 1000 });
}

fn records(tracker: &Tracker) -> BTreeMap<u64, Record> {
    let mut records = BTreeMap::new();
    tracker.blocks().for_each_taken(|record, _| {
        records.insert(record.address() as u64, *record);
    });
    records
}

fn assert_same(tracker: &Tracker, dump: &Dump, parts: DumpParts) {
    let counters = tracker.counters();
    let totals = dump.totals;
    assert_eq!((totals.allocations, totals.frees), (counters.allocations, counters.frees));
    assert_eq!(totals.requested_bytes, counters.requested_bytes);
    let live = dump.live;
    assert_eq!((live.blocks, live.bytes), (counters.live_blocks, counters.live_bytes));
    assert_eq!((live.peak_blocks, live.peak_bytes), (counters.peak_live_blocks, counters.peak_live_bytes));
    assert_eq!((live.taken_bytes, live.recorded_blocks), (counters.taken_bytes, counters.recorded_blocks()));
    for found in dump.stacks.iter().filter(|stack| stack.number != 0) {
        let stack = tracker.stacks().get(found.number as u16).unwrap();
        assert!(
            found.frames.iter().eq(stack
                .frames()
                .iter()
                .map(|frame| *frame as u64)
                .collect::<Vec<_>>()
                .iter())
        );
        assert_eq!((found.live_blocks, found.live_bytes), (stack.live_blocks.into(), stack.live_bytes));
        assert_eq!((found.total_blocks, found.total_bytes), (stack.total_blocks, stack.total_bytes));
        assert_eq!(found.peak_bytes, stack.peak_bytes);
    }
    assert_eq!(dump.stacks.len(), usize::from(tracker.stacks().count()) + 1);
    let sum = |part: fn(&memstat_report::dump::Stack) -> u64| dump.stacks.iter().map(part).sum::<u64>();
    assert_eq!(sum(|stack| stack.live_bytes), counters.live_bytes);
    assert_eq!(sum(|stack| stack.total_bytes), counters.requested_bytes);
    assert_eq!(sum(|stack| stack.total_blocks), counters.allocations);
    assert_eq!(dump.sizes.iter().map(|class| class.bytes).sum::<u64>(), counters.live_bytes);
    assert_eq!(dump.sizes.iter().map(|class| class.allocations).sum::<u64>(), counters.allocations);
    assert_eq!(dump.ages.iter().map(|class| class.blocks).sum::<u64>(), counters.recorded_blocks());
    if parts >= DumpParts::Blocks {
        let records = records(tracker);
        assert_eq!(records.len(), dump.blocks.len());
        for block in &dump.blocks {
            let record = records[&block.address];
            assert_eq!(block.size_bytes, record.size_bytes() as u64);
            assert_eq!(block.align_bytes, record.align_bytes() as u64);
            assert_eq!((block.stack, block.sequence), (record.stack().into(), record.sequence()));
            assert_eq!(block.time_us, tracker.platform().stamp_to_ns(record.stamp()) / 1000);
        }
    }
    if parts == DumpParts::History {
        let mut events = vec![Event::EMPTY; 1000];
        let count = tracker.history().read(0, &mut events).count;
        assert_eq!(dump.events.len(), count);
        for (found, event) in dump.events.iter().zip(events) {
            assert_eq!(
                (found.kind.as_str(), found.sequence),
                (event.kind().name(), event.record().sequence())
            );
            assert_eq!(found.address, event.record().address() as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::with_failure_persistence(BESIDE) })]

    #[test]
    fn what_is_written_is_read(
        steps in prop::collection::vec((any::<bool>(), 0..40_usize, 1..5000_usize, 0..8_u32), 0..200),
        level in 2..5_usize,
        parts in 0..3_usize,
        has_names: bool,
        program in ".*",
        load_offset: usize,
    ) {
        let tracker = tracker(Level::ALL[level]);
        let parts = [DumpParts::Stacks, DumpParts::Blocks, DumpParts::History][parts];
        let mut live = Vec::new();
        for (is_free, number, size_bytes, align_log2) in steps {
            set_stack(&tracker, &frames(number));
            if is_free && !live.is_empty() {
                free(&tracker, live.swap_remove(size_bytes % live.len()));
            } else {
                live.push(allocate(&tracker, size_bytes, 1 << align_log2));
            }
        }
        let marks = [DumpMark { name: "boot up", sequence: 3, stamp: 5_000_000 }];
        let names: Option<&memstat::report::NameFrames<'_>> = if has_names { Some(&name) } else { None };
        let text = dumped(&tracker, &DumpOptions { program: &program, load_offset, parts, marks: &marks, names });
        prop_assert!(text.is_ascii());
        let dump = one(&text);
        prop_assert_eq!(&dump.problems, &[]);
        prop_assert_eq!((dump.state, &dump.program, dump.during), (State::Whole, &program, Some((0, 0))));
        prop_assert_eq!((dump.marks[0].name.as_str(), dump.marks[0].sequence, dump.marks[0].time_us), ("boot up", 3, 5000));
        prop_assert_eq!(dump.load_offset, load_offset as u64);
        assert_same(&tracker, &dump, parts);
        for address in dump.stacks.iter().flat_map(|stack| &stack.frames) {
            if has_names {
                let mut number = 0;
                name(*address as usize, &mut |frame| {
                    let found = &dump.names[address][number];
                    assert_eq!((found.function.as_str(), found.file.as_str(), found.line), (frame.function, frame.file, frame.line));
                    number += 1;
                });
                assert_eq!(dump.names[address].len(), number);
            } else {
                prop_assert!(dump.names.is_empty());
            }
        }
    }

    /// One byte changed, a piece left out, a piece of other text put in: never whole, unless nothing of the dump changed.
    #[test]
    fn damage_is_told(place in 0..1_000_usize, length in 1..300_usize, other in "[ -~\n]{0,40}", byte: u8) {
        let text = sample();
        let place = place * text.len() / 1_000;
        let end = (place + length).min(text.len());
        let whole = one(&text);
        let mut cut = text.clone().into_bytes();
        cut.drain(place..end);
        let mut flipped = text.clone().into_bytes();
        flipped[place] = byte;
        let torn = [&text[..place], &other, &text[place..]].concat().into_bytes();
        for damaged in [cut, flipped, torn] {
            for dump in read(damaged.as_slice()).unwrap() {
                if dump.state == State::Whole {
                    // Only line ends changed, or other lines were put between.
                    let plain = Dump { first_line: whole.first_line, ..dump };
                    prop_assert_eq!(&plain, &whole);
                } else {
                    prop_assert!(!dump.problems.is_empty());
                    prop_assert!(dump.stacks.iter().all(|stack| whole.stacks.contains(stack)));
                    prop_assert!(dump.blocks.iter().all(|block| whole.blocks.contains(block)));
                }
            }
        }
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..500), words in "(~(s|n|b|e|end|mark|level|size) [0-9a-f -]{0,30}\\*[0-9a-f]{4}[\n ]?){0,20}") {
        let _ = read(bytes.as_slice()).unwrap();
        let _ = read(words.as_bytes()).unwrap();
        // The same with right checks.
        let lines = words.split('*').filter_map(|part| part.split('~').next_back());
        let checked = |line: &str| format!("~{line}*{:04x}\n", crc32fast::hash(line.as_bytes()) & 0xffff);
        let text: String = lines.map(checked).collect();
        let _ = read(text.as_bytes()).unwrap();
    }
}

/// A dump with all parts.
fn sample() -> String {
    let tracker = tracker(Level::Full);
    for number in 0..20 {
        set_stack(&tracker, &frames(number % 9));
        let block = allocate(&tracker, number * 7 + 1, 16);
        if number % 4 == 0 {
            free(&tracker, block);
        }
    }
    let parts = DumpParts::History;
    dumped(&tracker, &DumpOptions { program: "sample", parts, names: Some(&name), ..DumpOptions::default() })
}

#[test]
fn dumps_are_found_in_a_serial_log() {
    let text = sample();
    let coloured = text.replace('\n', "\x1b[0m\r\n").replace('~', "\x1b[32m~");
    let between = text.replace("\n~s ", "\n[    1.25] info: a message ~ of * the kernel\n~s ");
    let log = format!("GRUB\r\n{coloured}tally> export\n{between}{}{text}", &text[..text.len() / 2]);
    let dumps = read(log.as_bytes()).unwrap();
    let states: Vec<_> = dumps.iter().map(|dump| dump.state).collect();
    assert_eq!(states, [State::Whole, State::Whole, State::Cut, State::Whole]);
    assert_eq!(dumps[0].first_line, 2);
    assert_eq!(dumps[0].stacks, dumps[3].stacks);
    assert!(dumps[2].problems[0].to_string().starts_with(&format!("line {}: ", dumps[3].first_line)));
    // A reader of a growing log gets each dump when it ends.
    let mut reader = Reader::default();
    text.lines().for_each(|line| reader.line(line.as_bytes()));
    assert_eq!((reader.take().len(), reader.finish().len()), (1, 0));
}

#[test]
fn a_message_in_the_middle_of_a_line_costs_that_line_alone() {
    let text = sample();
    let torn = text.replacen("~s 3 ", "~s 3 [    1.25] e1000: link is up\n", 1);
    let (whole, damaged) = (one(&text), one(&torn));
    assert_eq!(damaged.state, State::Damaged);
    assert_eq!(damaged.stacks.len(), whole.stacks.len() - 1);
    let line = text.lines().position(|line| line.starts_with("~s 3 ")).unwrap() + 1;
    assert_eq!(damaged.problems[0].to_string(), format!("line {line}: torn or changed; not used"));
    let lines = text.lines().count();
    let missing = format!("line {}: the dump has {} lines, {} were found", lines + 1, lines - 1, lines - 2);
    assert_eq!(damaged.problems[1].to_string(), missing);
}

#[test]
fn another_version_is_not_guessed_at() {
    let line = |text: &str| format!("~{text}*{:04x}\n", crc32fast::hash(text.as_bytes()) & 0xffff);
    let dump = one(&(line("memstat-dump 2 x 1") + &line("s 1 2 3 4") + &line("end 2 0")));
    assert_eq!(dump.state, State::Damaged);
    assert_eq!(dump.problems[0].to_string(), "line 1: version 2; expected 1");
    assert!(dump.stacks.is_empty());
}

/// The size goals: 100,000 blocks under 1,000 stacks of 16 frames, with addresses as long as a kernel's.
#[test]
fn a_dump_is_small() {
    let tracker = tracker(Level::Stacks);
    for number in 0..1000_usize {
        let addresses: Vec<_> = (0..16).map(|frame| 0xffff_ffff_8010_0000 + number * 0x400 + frame).collect();
        set_stack(&tracker, &addresses);
        for block in 0..100 {
            allocate(&tracker, 24 + block * 40, 8);
        }
    }
    let size_of = |parts| {
        let text = dumped(&tracker, &DumpOptions { program: "size", parts, ..DumpOptions::default() });
        let dump = one(&text);
        assert_eq!(dump.state, State::Whole);
        assert_same(&tracker, &dump, parts);
        text.len()
    };
    let (stacks, blocks) = (size_of(DumpParts::Stacks), size_of(DumpParts::Blocks));
    eprintln!("by stack {stacks} bytes, with every block {blocks} bytes");
    assert!(stacks <= 500_000, "{stacks} bytes by stack");
    assert!(blocks <= 6_000_000, "{blocks} bytes with every block");
}

/// An output that allocates from the tracked heap, and frees, with each piece of text.
struct Busy<'a> {
    tracker: &'a Tracker,
    text: String,
    kept: Vec<std::ptr::NonNull<u8>>,
}

impl std::fmt::Write for Busy<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let number = self.text.len();
        self.text += text;
        set_stack(self.tracker, &frames(number % 100));
        self.kept.push(allocate(self.tracker, 1 + number % 50, 8));
        if !number.is_multiple_of(3) {
            free(self.tracker, self.kept.swap_remove(number % self.kept.len()));
        }
        Ok(())
    }
}

#[test]
fn others_may_allocate_while_a_dump_is_written() {
    let tracker = tracker(Level::Full);
    let mut before = Vec::new();
    for number in 0..500 {
        set_stack(&tracker, &frames(number % 7 + 100));
        before.push(allocate(&tracker, number + 1, 8).as_ptr() as u64);
    }
    let mut out = Busy { tracker: &tracker, text: String::new(), kept: Vec::new() };
    let parts = DumpParts::History;
    dump(&tracker, &DumpOptions { program: "busy", parts, ..DumpOptions::default() }, &mut out).unwrap();
    let dump = one(&out.text);
    assert_eq!(dump.state, State::Whole);
    let (allocations, frees) = dump.during.unwrap();
    assert!(allocations > 1000 && frees > 500, "{allocations} {frees}");
    // Each block that was live throughout is there once, and each stack that a block names is there.
    for address in before {
        assert_eq!(dump.blocks.iter().filter(|block| block.address == address).count(), 1);
    }
    let mut numbers: Vec<_> = dump.stacks.iter().map(|stack| stack.number).collect();
    assert!(dump.blocks.iter().all(|block| numbers.contains(&block.stack)));
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), dump.stacks.len(), "each stack once");
}

#[test]
fn a_writer_that_fails_stops_the_dump() {
    struct Full(usize);
    impl std::fmt::Write for Full {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(std::fmt::Error)?;
            Ok(())
        }
    }
    let tracker = tracker(Level::Stacks);
    let size_bytes = dumped(&tracker, &DumpOptions::default()).len();
    assert!(dump(&tracker, &DumpOptions::default(), &mut Full(size_bytes - 1)).is_err());
    assert!(dump(&tracker, &DumpOptions::default(), &mut Full(size_bytes + 20)).is_ok());
}
