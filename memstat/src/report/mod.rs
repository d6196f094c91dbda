//! Reports: pure functions from figures to text. They take no lock and allocate nothing. Only [`dump()`] and the reports in
//! one call read a tracker.

use core::fmt;

use crate::counters::{Counters, Histogram, Since};
use crate::history::Event;
use crate::level::Level;
use crate::record::Record;

mod dump;
mod shown_frames;
mod shown_stacks;
mod stack_totals;
mod whole;

pub use dump::{DUMP_VERSION, DumpFrame, DumpMark, DumpOptions, DumpParts, NameFrames, dump};
pub use shown_frames::frames_before_end;
pub use shown_stacks::{NewStack, ShownStacks};
pub use stack_totals::{StackTotals, write_stack};
pub use whole::{write_leaks_since, write_top_stacks, write_totals};

pub use crate::growth::{Growth, GrowthByStack};
pub use crate::ranking::{Rank, TopStacks};

/// Writes the active blocks and their bytes, the lesson's two numbers, in one line without a line end.
///
/// # Errors
///
/// The writer's own.
pub fn print_mem_stats(counters: &Counters, out: &mut dyn fmt::Write) -> fmt::Result {
    let blocks = counters.live_blocks;
    let plural = if blocks == 1 { "" } else { "s" };
    write!(out, "{blocks} active block{plural}, {} bytes", counters.live_bytes)?;
    if counters.live_untracked > 0 {
        let plural = if counters.live_untracked == 1 { "" } else { "s" };
        write!(out, ", {} block{plural} not recorded", counters.live_untracked)?;
    }
    Ok(())
}

/// Writes the header of the list of blocks: version, summary and column names, three lines.
///
/// # Errors
///
/// The writer's own.
pub fn write_blocks_header(counters: &Counters, out: &mut dyn fmt::Write) -> fmt::Result {
    let (blocks, bytes, untracked) =
        (counters.recorded_blocks(), counters.live_bytes, counters.live_untracked);
    writeln!(out, "allocs - version: 1.0")?;
    writeln!(out, "{blocks} live blocks, {bytes} bytes, {untracked} untracked")?;
    writeln!(
        out,
        "#        <address>       <size>  <align>        <seq>         <time> <cpu> <task>    <stack> <site>"
    )
}

/// Writes one block's line. `time_ns` is the time of its allocation in nanoseconds since the start, `site` the caller's
/// name if it is known. What is not known is written as `-`.
///
/// # Errors
///
/// The writer's own.
pub fn write_block(
    record: &Record,
    time_ns: u64,
    site: Option<&dyn fmt::Display>,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    let (seconds, micros) = (time_ns / 1_000_000_000, time_ns / 1000 % 1_000_000);
    write!(
        out,
        "{:18x} {:12} {:8} {:12} {seconds:7}.{micros:06} {:5} {:6}",
        record.address(),
        record.size_bytes(),
        record.align_bytes(),
        record.sequence(),
        record.cpu(),
        record.task(),
    )?;
    match record.stack() {
        0 => write!(out, " {:>10}", "-")?,
        stack => write!(out, " {stack:10}")?,
    }
    match site {
        Some(site) => writeln!(out, " {site}"),
        None => writeln!(out, " -"),
    }
}

/// Writes the histogram: one line per size class, with its smallest and largest size and its count.
///
/// # Errors
///
/// The writer's own.
pub fn write_histogram(histogram: &Histogram, out: &mut dyn fmt::Write) -> fmt::Result {
    writeln!(out, "#    <from>      <to>  <allocations>")?;
    histogram.classes().try_for_each(|(smallest, count)| {
        let largest = if smallest == 0 { 0 } else { smallest * 2 - 1 };
        writeln!(out, "{smallest:11} {largest:9} {count:14}")
    })
}

/// Writes the header of the list of events: the names of the columns.
///
/// # Errors
///
/// The writer's own.
pub fn write_events_header(out: &mut dyn fmt::Write) -> fmt::Result {
    writeln!(
        out,
        "#     <seq>         <time> <event>               <address>       <size> <cpu> <task>    <stack>"
    )
}

/// Writes one event; `time_ns` is its time in nanoseconds since the start.
///
/// # Errors
///
/// The writer's own.
pub fn write_event(event: &Event, time_ns: u64, out: &mut dyn fmt::Write) -> fmt::Result {
    let (seconds, micros) = (time_ns / 1_000_000_000, time_ns / 1000 % 1_000_000);
    let record = event.record();
    writeln!(
        out,
        "{:11} {seconds:7}.{micros:06} {:12} {:18x} {:12} {:5} {:6} {:10}",
        record.sequence(),
        event.kind().name(),
        record.address(),
        record.size_bytes(),
        record.cpu(),
        record.task(),
        record.stack(),
    )
}

/// Writes the counters, and since when each kind of figure counts, one line per topic. `backend` is the name of the
/// heap that is tracked; `to_ns` converts the stamps of `since` to nanoseconds since the start.
///
/// # Errors
///
/// The writer's own.
pub fn write_summary(
    backend: &str,
    level: Level,
    counters: &Counters,
    since: &Since,
    to_ns: impl Fn(u64) -> u64,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    let Counters { live_blocks, live_bytes, taken_bytes, live_untracked, peak_live_blocks, .. } = *counters;
    writeln!(out, "heap {backend}, level {level}")?;
    writeln!(
        out,
        "live: {live_blocks} blocks, {live_bytes} bytes asked for, {taken_bytes} bytes taken, {live_untracked} \
         blocks not recorded"
    )?;
    writeln!(out, "peak: {peak_live_blocks} blocks, {} bytes asked for", counters.peak_live_bytes)?;
    let Counters { allocations, frees, reallocations, failures, bad_frees, untracked, .. } = *counters;
    writeln!(
        out,
        "totals: {allocations} allocations of {} bytes, {frees} frees, {reallocations} reallocations, {failures} \
         failures, {bad_frees} bad frees, {untracked} not recorded",
        counters.requested_bytes
    )?;
    write!(out, "since:")?;
    for (part, name, stamp) in [
        (Level::Counters, "totals", since.counters),
        (Level::Blocks, "blocks", since.blocks),
        (Level::Stacks, "stacks", since.stacks),
        (Level::Full, "history", since.history),
    ] {
        if level >= part {
            let time_ns = to_ns(stamp);
            write!(out, " {name} {}.{:06} s", time_ns / 1_000_000_000, time_ns / 1000 % 1_000_000)?;
        } else {
            write!(out, " {name} off")?;
        }
        out.write_str(if part == Level::Full { "\n" } else { "," })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_is_not_a_plural() {
        let mut text = String::new();
        print_mem_stats(&Counters { live_blocks: 1, live_bytes: 512, ..Counters::ZERO }, &mut text).unwrap();
        assert_eq!(text, "1 active block, 512 bytes");
    }

    #[test]
    fn summary_says_since_when_each_figure_counts_or_that_it_does_not() {
        let mut text = String::new();
        let since = Since { counters: 1_500_000_000, blocks: 0, stacks: 0, history: 0 };
        let counters = Counters { allocations: 3, frees: 1, live_blocks: 2, ..Counters::ZERO };
        write_summary("test", Level::Counters, &counters, &since, |stamp| stamp, &mut text).unwrap();
        let last = text.lines().last().unwrap();
        assert_eq!(last, "since: totals 1.500000 s, blocks off, stacks off, history off");
        assert!(text.contains("totals: 3 allocations of 0 bytes, 1 frees"), "{text}");
    }
}
