//! `stat`, `statm` and `comm` of a process. Source: Linux, fs/proc/array.c (`do_task_stat`, `proc_pid_statm`).

use super::line::only_line;
use crate::error::{Result, ensure};

/// Numbers after the state.
const NUMBERS: usize = 49;
/// Bytes that Linux keeps of a thread's name.
const MAX_NAME: usize = 15;

/// `"%d (%s) %c"` and 49 numbers, each after one blank.
pub(super) fn stat(text: &str) -> Result<()> {
    let mut line = only_line("self/stat", text)?;
    line.unsigned(0)?;
    line.literal(" (")?;
    let name = line.up_to(") ")?;
    ensure!((1..=MAX_NAME).contains(&name.len()), "self/stat: `{name}` has not 1 to {MAX_NAME} bytes");
    let state = line.word()?;
    ensure!(
        ["R", "S", "D", "T", "t", "Z", "X", "I", "P"].contains(&state),
        "self/stat: no process is `{state}`"
    );
    for _ in 0..NUMBERS {
        line.literal(" ")?;
        // Some are negative, and some exceed `i64`.
        if line.skips("-") {
            let number = line.unsigned(0)?;
            ensure!(number > 0, "self/stat: -0 is no number");
        } else {
            line.unsigned(0)?;
        }
    }
    line.end()
}

/// `"%lu %lu %lu %lu 0 %lu 0"`: pages in all, resident, shared, of code, and of data.
pub(super) fn statm(text: &str) -> Result<()> {
    let mut line = only_line("self/statm", text)?;
    let (size, resident) = (line.unsigned(0)?, {
        line.literal(" ")?;
        line.unsigned(0)?
    });
    ensure!(resident <= size, "self/statm: {resident} pages of {size} are resident");
    for _ in 0..2 {
        line.literal(" ")?;
        line.unsigned(0)?;
    }
    line.literal(" 0 ")?;
    line.unsigned(0)?;
    line.literal(" 0")?;
    line.end()
}

/// `"%s"`
pub(super) fn comm(text: &str) -> Result<()> {
    let mut line = only_line("self/comm", text)?;
    let name = line.remainder();
    ensure!((1..=MAX_NAME).contains(&name.len()), "self/comm: `{name}` has not 1 to {MAX_NAME} bytes");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::{comm, stat, statm};

    #[test]
    fn only_linux_stat_passes() {
        let sample = "4483 (head) R 4252 4252 2747 0 -1 4194304 124 0 0 0 0 0 0 0 20 0 1 0 1125235 2998272 416 \
            18446744073709551615 94655463845888 94655463869993 140734447477568 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 \
            94655463885232 94655463887424 94656142479360 140734447479352 140734447479384 140734447479384 \
            140734447484907 0\n";
        assert_strict(
            stat,
            sample,
            &[
                ("(head)", "head"),
                ("(head)", "()"),
                (" R ", " "),
                (" R ", " Q "),
                (" 0\n", "\n"),
                (" 0\n", " 0 0\n"),
                ("-1", "-0"),
            ],
        );
        assert_every_blank_counts(stat, sample);
    }

    #[test]
    fn only_linux_statm_passes() {
        let sample = "732 418 389 6 0 89 0\n";
        assert_strict(
            statm,
            sample,
            &[("732", "73"), (" 0 89 0", " 89"), (" 0 89", " 1 89"), ("89 0", "89 0 0")],
        );
        assert_every_blank_counts(statm, sample);
    }

    #[test]
    fn only_linux_comm_passes() {
        assert_strict(
            comm,
            "kworker/0:1\n",
            &[("kworker", "kworker/kworker"), ("kworker/0:1", ""), ("kworker", "\n")],
        );
    }
}
