//! Reports: pure functions from what was counted to text.

use core::fmt;

use crate::counters::Counters;
use crate::record::Record;

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
