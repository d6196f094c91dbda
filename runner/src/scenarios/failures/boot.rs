//! Each allocation of the boot fails in turn, a machine each.

use std::time::Duration;

use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Machine};
use crate::settings::Settings;
use crate::vm::{NOBODY, Vm};

/// More than the boot has.
const MOST: u32 = 100;
const END: &str = "boot failed: ";

pub(super) fn boots_survive(settings: &Settings) -> Result<()> {
    for (word, file) in [("failnth", "fail_alloc"), ("failpages", "fail_page_alloc")] {
        let mut number = 1;
        while boot_with(settings, word, file, number)? {
            number += 1;
            ensure!(number < MOST, "the boot has more than {MOST} allocations that {word} counts");
        }
        ensure!(number > 1, "no allocation of the boot is counted by {word}");
    }
    Ok(())
}

/// Boots with this allocation failing, and says whether it came to that.
fn boot_with(settings: &Settings, word: &str, file: &str, number: u32) -> Result<bool> {
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
        return Ok(true);
    }
    let counts = vm.run(&format!("cat /proc/{file}; fail off"))?;
    let has_failed = counts.ends_with(" failed 1");
    // What failed is gone; what is left works.
    let report = vm.run("cat /proc/memstat")?;
    ensure!(report.ends_with("consistent: yes"), "{cmdline}: {report}");
    let sum = vm.run("selftest")?;
    let sum = sum.lines().last().ok_or_else(|| Error::Wrong(format!("{cmdline}: selftest says nothing")))?;
    ensure!(!sum.is_empty() && limit > Duration::ZERO, "{cmdline}: {sum}");
    Ok(has_failed)
}
