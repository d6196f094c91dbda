//! `/proc/uptime` and `/proc/loadavg`. Source: Linux, fs/proc/uptime.c, fs/proc/loadavg.c.

use super::line::only_line;
use crate::error::{Result, ensure};

/// `"%lu.%02lu %lu.%02lu"`: seconds since the boot, and idle ones of all CPUs.
pub(super) fn uptime(text: &str) -> Result<()> {
    let mut line = only_line("uptime", text)?;
    line.decimal(0, 2)?;
    line.literal(" ")?;
    line.decimal(0, 2)?;
    line.end()
}

/// `"%lu.%02lu %lu.%02lu %lu.%02lu %ld/%d %d"`: three averages, running and all threads, the newest process.
pub(super) fn loadavg(text: &str) -> Result<()> {
    let mut line = only_line("loadavg", text)?;
    for _ in 0..3 {
        line.decimal(0, 2)?;
        line.literal(" ")?;
    }
    let running = line.unsigned(0)?;
    line.literal("/")?;
    let threads = line.unsigned(0)?;
    ensure!(running <= threads, "loadavg: {running} threads of {threads} run");
    line.literal(" ")?;
    line.unsigned(0)?;
    line.end()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::{loadavg, uptime};

    #[test]
    fn only_linux_uptime_passes() {
        let sample = "11252.34 12212.61\n";
        assert_strict(
            uptime,
            sample,
            &[(".34", ".3"), (".34", ".345"), (".34", ""), (".61", ".61 0.00"), (" 12212.61", "")],
        );
        assert_every_blank_counts(uptime, sample);
    }

    #[test]
    fn only_linux_loadavg_passes() {
        let sample = "0.27 0.71 1.14 2/89 4470\n";
        assert_strict(
            loadavg,
            sample,
            &[("0.27 ", ""), ("2/89", "2 89"), ("2/89", "90/89"), (" 4470", ""), ("1.14", "1.1")],
        );
        assert_every_blank_counts(loadavg, sample);
    }
}
