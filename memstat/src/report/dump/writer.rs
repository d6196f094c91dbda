//! The parts of a dump, in their order.

use core::fmt::{self, Write};

use super::line::{Lines, Text, Word};
use super::sums::{Classes, Sum};
use super::{DUMP_VERSION, DumpOptions, DumpParts};
use crate::backend::Backend;
use crate::counters::Counters;
use crate::history::Event;
use crate::level::Level;
use crate::platform::Platform;
use crate::record::Record;
use crate::stacks::Stack;
use crate::tracked::Tracked;

/// Records or events that are read in one critical section.
const AT_ONCE: usize = 32;
/// Addresses whose names were written lately, and are not written again.
const NAMED: usize = 256;
const NS_PER_US: u64 = 1000;
const US_PER_MS: u64 = 1000;
/// The alignment of blocks that have none in their line.
const USUAL_ALIGN_BYTES: usize = 8;

/// A dump that is being written.
pub(super) struct Writer<'a, B: Backend, P> {
    tracker: &'a Tracked<B, P>,
    options: &'a DumpOptions<'a>,
    lines: Lines<'a>,
    now_us: u64,
    /// The counters at the start.
    counters: Counters,
    /// What the call stacks that were written have in total.
    total: Sum,
    named: [usize; NAMED],
}

impl<'a, B: Backend, P: Platform> Writer<'a, B, P> {
    pub(super) fn new(tracker: &'a Tracked<B, P>, options: &'a DumpOptions<'a>, lines: Lines<'a>) -> Self {
        let platform = tracker.platform();
        let now_us = platform.stamp_to_ns(platform.stamp()) / NS_PER_US;
        let counters = tracker.counters();
        Self { tracker, options, lines, now_us, counters, total: Sum::default(), named: [0; NAMED] }
    }

    fn to_us(&self, stamp: u64) -> u64 {
        self.tracker.platform().stamp_to_ns(stamp) / NS_PER_US
    }

    /// Version, level, counters and marks.
    #[inline(never)]
    pub(super) fn head(&mut self) -> fmt::Result {
        let program = Word(self.options.program);
        self.lines.print(format_args!("memstat-dump {DUMP_VERSION} {program} {}", self.now_us))?;
        if self.options.load_offset != 0 {
            self.lines.print(format_args!("offset {:x}", self.options.load_offset))?;
        }
        let (level, since) = (self.tracker.level(), self.tracker.statistics().since());
        let since_us = [
            (Level::Counters, since.counters),
            (Level::Blocks, since.blocks),
            (Level::Stacks, since.stacks),
            (Level::Full, since.history),
        ]
        .map(|(part, stamp)| (level >= part).then(|| self.to_us(stamp)));
        self.lines.line(|text| {
            write!(text, "level {level}")?;
            since_us.iter().try_for_each(|time| match time {
                Some(time_us) => write!(text, " {time_us}"),
                None => text.write_str(" -"),
            })
        })?;
        let Counters { allocations, frees, reallocations, failures, bad_frees, untracked, .. } =
            self.counters;
        let Counters { live_blocks, live_bytes, taken_bytes, peak_live_blocks, peak_live_bytes, .. } =
            self.counters;
        self.lines.print(format_args!(
            "totals {allocations} {} {frees} {reallocations} {failures} {bad_frees} {untracked}",
            self.counters.requested_bytes
        ))?;
        self.lines.print(format_args!(
            "live {live_blocks} {} {live_bytes} {taken_bytes} {peak_live_blocks} {peak_live_bytes}",
            self.counters.recorded_blocks()
        ))?;
        for mark in self.options.marks {
            let time_us = self.to_us(mark.stamp);
            self.lines.print(format_args!("mark {} {} {time_us}", Word(mark.name), mark.sequence))?;
        }
        Ok(())
    }

    /// The call stacks from number `first` on; returns the number of the last.
    #[inline(never)]
    pub(super) fn stacks(&mut self, first: u16) -> Result<u16, fmt::Error> {
        let last = self.tracker.stacks().count();
        for number in first..=last {
            if let Some(stack) = self.tracker.stacks().get(number) {
                self.names(&stack)?;
                self.stack(number, &stack)?;
            }
        }
        Ok(last)
    }

    fn stack(&mut self, number: u16, stack: &Stack) -> fmt::Result {
        let first_us = self.to_us(stack.first_stamp);
        let Stack { live_blocks, live_bytes, peak_bytes, total_blocks, total_bytes, .. } = *stack;
        self.total.blocks += total_blocks;
        self.total.bytes += total_bytes;
        self.lines.line(|text| {
            write!(
                text,
                "s {number} {live_blocks} {live_bytes} {peak_bytes} {total_blocks} {total_bytes} {first_us}"
            )?;
            stack.frames().iter().try_for_each(|frame| write!(text, " {frame:x}"))
        })
    }

    /// The names of a stack's frames, except for those that were written lately.
    fn names(&mut self, stack: &Stack) -> fmt::Result {
        let Some(names) = self.options.names else { return Ok(()) };
        for address in stack.frames() {
            if let Some(place) = self.named.get_mut(address % NAMED) {
                if place == address {
                    continue;
                }
                *place = *address;
            }
            let mut result = Ok(());
            names(*address, &mut |frame| {
                if result.is_ok() {
                    let (function, file) = (Word(frame.function), Word(frame.file));
                    result = self.lines.print(format_args!("n {address:x} {function} {file} {}", frame.line));
                }
            });
            result?;
        }
        Ok(())
    }

    /// The live blocks, by size and by age, and one by one if that is wanted. Returns the sum of those without a stack.
    #[inline(never)]
    pub(super) fn blocks(&mut self) -> Result<Sum, fmt::Error> {
        let has_blocks = self.options.parts >= DumpParts::Blocks;
        let (mut sizes, mut ages) = (Classes::EMPTY, Classes::EMPTY);
        let mut without_stack = Sum::default();
        let mut records = [Record::EMPTY; AT_ONCE];
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (count, next) = self.tracker.blocks().read(from, &mut records);
            let latest = self.tracker.leaks().sequence();
            for record in records.iter().take(count) {
                let size_bytes = record.size_bytes() as u64;
                let time_us = self.to_us(record.stamp());
                sizes.add(size_bytes, size_bytes);
                ages.add(self.now_us.saturating_sub(time_us) / US_PER_MS, size_bytes);
                if record.stack() == 0 {
                    without_stack.add(size_bytes);
                }
                if has_blocks {
                    self.lines.line(|text| write_block(text, record, time_us, latest))?;
                }
            }
            cursor = next;
        }
        self.classes(&sizes, &ages)?;
        Ok(without_stack)
    }

    fn classes(&mut self, sizes: &Classes, ages: &Classes) -> fmt::Result {
        let counted = self.tracker.statistics().histogram();
        for smallest in Classes::smallest() {
            let Sum { blocks, bytes } = sizes.of(smallest);
            let is_class = |(from, _): &(usize, u64)| *from as u64 == smallest;
            let allocations = counted.classes().find(is_class).map_or(0, |(_, count)| count);
            if blocks > 0 || allocations > 0 {
                self.lines.print(format_args!("size {smallest} {blocks} {bytes} {allocations}"))?;
            }
        }
        for smallest in Classes::smallest() {
            let Sum { blocks, bytes } = ages.of(smallest);
            if blocks > 0 {
                self.lines.print(format_args!("age {smallest} {blocks} {bytes}"))?;
            }
        }
        Ok(())
    }

    /// What is attributed to no call stack, as stack 0. Its peak and first time are not known.
    #[inline(never)]
    pub(super) fn without_stack(&mut self, live: &Sum) -> fmt::Result {
        let total_blocks = self.counters.allocations.saturating_sub(self.total.blocks);
        let total_bytes = self.counters.requested_bytes.saturating_sub(self.total.bytes);
        let Sum { blocks, bytes } = live;
        self.lines.print(format_args!("s 0 {blocks} {bytes} {bytes} {total_blocks} {total_bytes} 0"))
    }

    /// The events that were in the history when this part began.
    #[inline(never)]
    pub(super) fn history(&mut self) -> fmt::Result {
        let mut events = [Event::EMPTY; AT_ONCE];
        let end = self.tracker.history().written();
        let mut cursor = 0;
        // Writing may cause events of its own: those are not followed.
        while cursor < end {
            let part = self.tracker.history().read(cursor, &mut events);
            if part.lost > 0 {
                self.lines.print(format_args!("lost {}", part.lost))?;
            }
            let latest = self.tracker.leaks().sequence();
            let first = part.next - part.count as u64;
            for event in events.iter().take(part.count.min(end.saturating_sub(first) as usize)) {
                let time_us = self.to_us(event.record().stamp());
                self.lines.line(|text| write_event(text, event, time_us, latest))?;
            }
            cursor = part.next;
            if part.count == 0 {
                break;
            }
        }
        Ok(())
    }

    /// What happened during the dump, and the checksum.
    #[inline(never)]
    pub(super) fn end(&mut self) -> fmt::Result {
        let counters = self.tracker.counters();
        let allocations = counters.allocations.saturating_sub(self.counters.allocations);
        let frees = counters.frees.saturating_sub(self.counters.frees);
        self.lines.print(format_args!("during {allocations} {frees}"))?;
        self.lines.end()
    }
}

fn write_block(text: &mut Text<'_>, record: &Record, time_us: u64, latest: u64) -> fmt::Result {
    let (address, size_bytes, stack) = (record.address(), record.size_bytes(), record.stack());
    write!(text, "b {address:x} {size_bytes} {stack} {} {time_us}", record.full_sequence(latest))?;
    let (align_bytes, cpu, task) = (record.align_bytes(), record.cpu(), record.task());
    if (cpu, task) != (0, 0) {
        write!(text, " {align_bytes} {cpu} {task}")
    } else if align_bytes != USUAL_ALIGN_BYTES {
        write!(text, " {align_bytes}")
    } else {
        Ok(())
    }
}

fn write_event(text: &mut Text<'_>, event: &Event, time_us: u64, latest: u64) -> fmt::Result {
    let (kind, record) = (event.kind().name(), event.record());
    let (address, size_bytes, stack) = (record.address(), record.size_bytes(), record.stack());
    let sequence = record.full_sequence(latest);
    write!(text, "e {kind} {address:x} {size_bytes} {stack} {sequence} {time_us}")?;
    let (cpu, task) = (record.cpu(), record.task());
    if (cpu, task) == (0, 0) { Ok(()) } else { write!(text, " {cpu} {task}") }
}
