//! Reports: pure functions from what was counted to text.

use core::fmt;

use crate::counters::{Counters, Histogram};
use crate::history::Event;
use crate::record::Record;
use crate::stacks::Stack;

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
        write!(out, ", {} blocks not recorded", counters.live_untracked)?;
    }
    Ok(())
}

/// Writes what stands above the blocks: version, summary and column names, three lines.
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

/// Writes one block's line; `time_ns` is when it was allocated, `site` the caller's name if it is known. A
/// column that is not known is `-`.
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

/// What stacks are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Bytes that are live.
    LiveBytes,
    /// Blocks that are live.
    LiveBlocks,
    /// Bytes that were ever allocated.
    TotalBytes,
}

impl Rank {
    fn of(self, stack: &Stack) -> u64 {
        match self {
            Self::LiveBytes => stack.live_bytes,
            Self::LiveBlocks => u64::from(stack.live_blocks),
            Self::TotalBytes => stack.total_bytes,
        }
    }
}

/// The `N` stacks that rank highest of those handed in, with their numbers.
#[derive(Clone, Copy, Debug)]
pub struct TopStacks<const N: usize> {
    rank: Rank,
    stacks: [(u16, Stack); N],
}

impl<const N: usize> TopStacks<N> {
    /// None yet.
    pub fn new(rank: Rank) -> Self {
        Self { rank, stacks: [(0, Stack::EMPTY); N] }
    }

    /// Takes a stack in, if it ranks high enough.
    pub fn add(&mut self, number: u16, stack: &Stack) {
        let rank = self.rank;
        let place = self.stacks.partition_point(|(_, other)| rank.of(other) >= rank.of(stack));
        if rank.of(stack) > 0
            && let Some(lower @ [_, ..]) = self.stacks.get_mut(place..)
        {
            lower.rotate_right(1);
            lower[0] = (number, *stack);
        }
    }

    /// The stacks, the highest first.
    pub fn iter(&self) -> impl Iterator<Item = &(u16, Stack)> {
        self.stacks.iter().filter(|(number, _)| *number != 0)
    }
}

/// Writes a stack: its totals in one line, then a frame a line; `name` gives a return address its name.
///
/// # Errors
///
/// The writer's own.
pub fn write_stack<D: fmt::Display>(
    number: u16,
    stack: &Stack,
    name: impl Fn(usize) -> D,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    let Stack { live_blocks, live_bytes, peak_bytes, total_blocks, total_bytes, .. } = *stack;
    writeln!(
        out,
        "stack {number}: {live_bytes} bytes in {live_blocks} blocks live, peak {peak_bytes} bytes, total \
         {total_bytes} bytes in {total_blocks} blocks"
    )?;
    stack.frames().iter().try_for_each(|frame| writeln!(out, "    {}", name(*frame)))
}

/// Writes the histogram: a line a class of sizes, with its smallest and largest size and its count.
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

/// Writes one event; `time_ns` is when it happened.
///
/// # Errors
///
/// The writer's own.
pub fn write_event(event: &Event, time_ns: u64, out: &mut dyn fmt::Write) -> fmt::Result {
    let (seconds, micros) = (time_ns / 1_000_000_000, time_ns / 1000 % 1_000_000);
    let record = event.record();
    writeln!(
        out,
        "{:12} {seconds:7}.{micros:06} {:10} {:18x} {:12} {:5} {:6} {:10}",
        record.sequence(),
        event.kind().name(),
        record.address(),
        record.size_bytes(),
        record.cpu(),
        record.task(),
        record.stack(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(live_bytes: u64) -> Stack {
        let mut stack = Stack::EMPTY;
        stack.live_bytes = live_bytes;
        stack
    }

    #[test]
    fn top_keeps_the_highest_in_order_and_drops_the_rest() {
        let mut top = TopStacks::<3>::new(Rank::LiveBytes);
        for (number, live_bytes) in [5, 0, 9, 7, 1, 8].into_iter().enumerate() {
            top.add(number as u16 + 1, &stack(live_bytes));
        }
        let numbers: Vec<_> = top.iter().map(|(number, stack)| (*number, stack.live_bytes)).collect();
        assert_eq!(numbers, [(3, 9), (6, 8), (4, 7)]);
    }

    #[test]
    fn one_block_is_not_a_plural() {
        let mut text = String::new();
        print_mem_stats(&Counters { live_blocks: 1, live_bytes: 512, ..Counters::ZERO }, &mut text).unwrap();
        assert_eq!(text, "1 active block, 512 bytes");
    }
}
