//! `/proc/memstat_control`: takes the tracker's commands, a line each; reading lists them, and the marks.

use core::fmt::{self, Write};

use vfs::{Control, Errno, Result, Text};

use crate::memory::heap::tracker;
use crate::memory::leaks::marks::{self, MarkError};
use crate::memory::page_tracker::page_tracker;
use crate::memory::report::{show_all_frames, shows_all_frames};
use control::memstat::{self as grammar, Command};

/// The file.
pub(super) struct MemstatControl;

impl Text for MemstatControl {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str(grammar::USAGE)?;
        (0..)
            .map_while(marks::get)
            .try_for_each(|mark| writeln!(out, "# mark {}: {}", mark.name, mark.snapshot.sequence))?;
        writeln!(out, "# frames {}", if shows_all_frames() { "all" } else { "own" })
    }
}

impl Control for MemstatControl {
    fn command(&self, line: &str) -> Result<()> {
        let command = grammar::parse(line).map_err(|error| {
            log::warn!("memstat_control: {error}");
            Errno::EINVAL
        })?;
        match command {
            Command::SetLevel(level) => {
                tracker().set_level(level);
                page_tracker().set_level(level);
            }
            Command::SetPagesLevel(level) => page_tracker().set_level(level),
            Command::Mark(name) => set_mark(name)?,
            Command::Clear(name) => marks::clear(name).then_some(()).ok_or_else(|| {
                log::warn!("memstat_control: there is no mark '{name}'");
                Errno::ENOENT
            })?,
            Command::HistoryOn => set_history(true),
            Command::HistoryOff => set_history(false),
            Command::HistoryClear => {
                tracker().history().clear();
                page_tracker().history().clear();
            }
            Command::ShowAllFrames(shows_all) => show_all_frames(shows_all),
            Command::ResetPeak => {
                tracker().statistics().reset_peaks();
                page_tracker().statistics().reset_peaks();
            }
        }
        Ok(())
    }
}

fn set_history(is_on: bool) {
    tracker().history().set_on(is_on);
    page_tracker().history().set_on(is_on);
}

fn set_mark(name: &str) -> Result<()> {
    let Err(error) = marks::set(name) else { return Ok(()) };
    log::warn!("memstat_control: {error}");
    Err(match error {
        MarkError::TooMany => Errno::ENOSPC,
        MarkError::NoMemory => Errno::ENOMEM,
    })
}
