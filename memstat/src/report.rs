//! Reports: pure functions from what was counted to text.

use core::fmt;

use crate::counters::Counters;

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
