//! `/proc/guard`: how much the heap is checked, and what the checks found, in the style of Linux's
//! kfence/stats. It takes `level NAME` and `sample N`.

use core::fmt::{self, Write};

use memstat::GuardLevel;
use vfs::{Control, Errno, Result, Text};

use crate::memory::heap::{set_guard, tracker};
use crate::memory::report::invalid_access;

/// The file.
pub(crate) struct GuardFile;

impl Text for GuardFile {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let now = tracker().guards().statistics();
        writeln!(out, "level: {}", tracker().guards().level())?;
        writeln!(out, "sample: {}", tracker().guards().sampling_interval())?;
        for (name, value) in [
            ("guarded blocks", now.guarded_blocks),
            ("remembered frees", now.remembered_frees),
            ("quarantine blocks", now.quarantined_blocks),
            ("quarantine bytes", now.quarantined_bytes),
            ("sampled blocks", now.sampled_blocks),
            ("sample slots", now.sample_slots),
            ("samples", now.samples),
            ("missed samples", now.missed_samples),
            ("checks", now.checks),
            ("overruns", now.overruns),
            ("underruns", now.underruns),
            ("writes after free", now.writes_after_free),
            ("out of bounds accesses", now.out_of_bounds_accesses),
            ("accesses after free", now.accesses_after_free),
            ("unexplained accesses", invalid_access::unexplained()),
            ("double frees", now.double_frees),
            ("interior frees", now.interior_frees),
            ("wrong layouts", now.wrong_layouts),
            ("unknown frees", now.unknown_frees),
        ] {
            writeln!(out, "{name}: {value}")?;
        }
        Ok(())
    }
}

impl Control for GuardFile {
    fn command(&self, line: &str) -> Result<()> {
        let mut words = line.split_ascii_whitespace();
        match [words.next(), words.next(), words.next()] {
            [Some("level"), Some(name), None] if let Some(level) = GuardLevel::from_name(name) => {
                set_guard(level);
                Ok(())
            }
            [Some("sample"), Some(number), None] if let Ok(interval) = number.parse() => {
                tracker().guards().set_sampling_interval(interval).then_some(()).ok_or(Errno::ENOMEM)
            }
            _ => {
                log::warn!(
                    "guard: unknown command '{line}'; expected level off|free|redzone|full, or sample N"
                );
                Err(Errno::EINVAL)
            }
        }
    }
}
