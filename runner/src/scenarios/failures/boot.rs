//! Each allocation of the boot fails in turn, a machine each.

use super::super::is_consistent;
use super::super::selftest::skippable::LINES;
use super::super::selftest::{run_selftests, skipped_selftests};
use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Machine};
use crate::settings::Settings;
use crate::vm::{NOBODY, Vm};

/// More than the boot has.
const MAX_ALLOCATIONS: u32 = 100;
const END: &str = "boot failed: ";

pub(super) fn boots_survive(settings: &Settings) -> Result<()> {
    // Without the mount table and the directories at the root, a block and five pages, there is no boot.
    for (word, file, most_ended) in [("failnth", "fail_alloc", 1), ("failpages", "fail_page_alloc", 5)] {
        let (mut number, mut ended) = (1, 0);
        loop {
            match boot_with(settings, word, file, number)? {
                Boot::Whole => break,
                Boot::GoesOn => {}
                Boot::Ends => ended += 1,
            }
            number += 1;
            ensure!(
                number < MAX_ALLOCATIONS,
                "the boot has more than {MAX_ALLOCATIONS} allocations that {word} counts"
            );
        }
        ensure!(number > 1, "no allocation of the boot is counted by {word}");
        ensure!(ended <= most_ended, "{ended} of {} boots with {word} end without a prompt", number - 1);
    }
    Ok(())
}

/// How a boot ends of which an allocation is to fail.
enum Boot {
    /// It did not come to that.
    Whole,
    /// It failed, and there is a prompt.
    GoesOn,
    /// It failed, and a line says why there is no prompt.
    Ends,
}

/// Boots with this allocation failing, and says how it ends.
fn boot_with(settings: &Settings, word: &str, file: &str, number: u32) -> Result<Boot> {
    let cmdline = format!("{word}={number}");
    let machine = Machine { cmdline: &cmdline, ..DEFAULT };
    let mut vm = Vm::start(settings, &machine, &format!("fail-boot-{word}"), NOBODY)?;
    let limit = vm.boot_limit();
    let booted = vm.expect(&format!("prompt or reason at {cmdline}"), limit, |text| {
        let reason = text.split_once(END).and_then(|(_, rest)| Some(rest.split_once('\n')?.0.to_owned()));
        reason.or_else(|| crate::text::prompt_folder(text).map(|_| String::new()))
    })?;
    if !booted.is_empty() {
        ensure!(booted.contains("out of memory"), "{cmdline}: the boot fails with `{booted}`");
        return Ok(Boot::Ends);
    }
    let counts = vm.run(&format!("cat /proc/{file}; fail off"))?;
    let has_failed = counts.ends_with(" failed 1");
    // What failed is gone; what is left works.
    is_consistent(&mut vm)?;
    let output = run_selftests(&mut vm)?;
    let skipped = skipped_selftests(&output).map_err(|error| Error::Wrong(format!("{cmdline}: {error}")))?;
    // There may be no index of names.
    let is_right = skipped.iter().all(|name| has_failed && *name == LINES);
    ensure!(is_right, "{cmdline}: {skipped:?} are skipped");
    Ok(if has_failed { Boot::GoesOn } else { Boot::Whole })
}
