//! `/proc/stat`. Source: Linux, fs/proc/stat.c (`show_stat`).

use super::line::{Line, lines};
use crate::error::{Error, Result, ensure};

/// Of a `cpu` line.
const TIMES: usize = 10;
const SOFTIRQS: usize = 10;

/// `"cpu  "` and ten times, the same per CPU, then one line for each of the other counts, with one blank between
/// numbers.
pub(super) fn stat(text: &str) -> Result<()> {
    let mut lines = lines("stat", text)?.into_iter().peekable();
    let mut next = || lines.next().ok_or_else(|| Error::Wrong("stat: a line is missing at the end".into()));
    let mut all = next()?;
    all.literal("cpu ")?;
    ensure!(numbers(&mut all)?.len() == TIMES, "stat: {TIMES} times are expected on the line `cpu`");
    let mut cpus = 0;
    let mut interrupts = loop {
        let mut line = next()?;
        if !line.skips(&format!("cpu{cpus}")) {
            break line;
        }
        ensure!(
            numbers(&mut line)?.len() == TIMES,
            "stat: {TIMES} times are expected on the line `cpu{cpus}`"
        );
        cpus += 1;
    };
    ensure!(cpus > 0, "stat: no line `cpu0`");
    interrupts.literal("intr")?;
    ensure!(numbers(&mut interrupts)?.len() > 1, "stat: `intr` without a count by interrupt");
    for name in ["ctxt", "btime", "processes", "procs_running", "procs_blocked"] {
        let mut line = next()?;
        line.literal(name)?;
        ensure!(numbers(&mut line)?.len() == 1, "stat: one number is expected on the line `{name}`");
    }
    let mut softirqs = next()?;
    softirqs.literal("softirq")?;
    let counts = numbers(&mut softirqs)?;
    let (sum, parts) = counts.split_first().unwrap_or((&0, &[]));
    ensure!(parts.len() == SOFTIRQS, "stat: {SOFTIRQS} kinds of softirqs are expected, not {}", parts.len());
    ensure!(*sum == parts.iter().sum::<u64>(), "stat: the first number of `softirq` is not the sum");
    ensure!(next().is_err(), "stat: something stands behind `softirq`");
    Ok(())
}

/// `" %llu"` to the end of the line.
fn numbers(line: &mut Line) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    while !line.is_at_end() {
        line.literal(" ")?;
        numbers.push(line.unsigned(0)?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::stat;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
cpu  893043 0 107940 1221261 9941 0 1129 16453 0 0
cpu0 434370 0 49973 630064 2335 0 116 7929 0 0
cpu1 458673 0 57967 591196 7605 0 1013 8524 0 0
intr 5212786 0 0 15 0 2250 1630 0
ctxt 44473065
btime 1795632007
processes 69399
procs_running 2
procs_blocked 0
softirq 1757147 0 318151 4 6473 278254 0 98 609478 0 544689
";
        assert_strict(
            stat,
            sample,
            &[
                ("cpu  ", "cpu "),
                ("16453 0 0", "16453 0"),
                ("cpu1", "cpu2"),
                ("cpu1 458673", "cpu1 -58673"),
                ("btime 1795632007\n", ""),
                ("ctxt 44473065\nbtime 1795632007\n", "btime 1795632007\nctxt 44473065\n"),
                ("procs_running 2", "procs_running 2 "),
                ("softirq 1757147", "softirq 1757146"),
                (" 544689", ""),
                ("544689\n", "544689\nmore 1\n"),
                ("intr 5212786 0 0 15 0 2250 1630 0", "intr 5212786"),
                (
                    "cpu0 434370 0 49973 630064 2335 0 116 7929 0 0\ncpu1 458673 0 57967 591196 7605 0 1013 8524 0 0\n",
                    "",
                ),
            ],
        );
        // The number of interrupts differs between machines.
        assert_every_blank_counts(stat, &sample.replace(" 0 15 0 2250 1630 0", ""));
        assert!(stat("").is_err());
    }
}
