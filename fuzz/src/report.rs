//! Logs with dumps in them, as memstat-report reads them.

use memstat_report::dump::{Dump, read};
use memstat_report::output::table::Table;
use memstat_report::output::{Form, Style, Subject, report as write_report};
use memstat_report::profile::{Profile, Selection, Value};

/// Reads the bytes as a log, as it is and with the right checks, and writes each form of what was found.
///
/// # Panics
///
/// If reading from memory fails.
pub fn report(input: &[u8]) {
    for log in [input.to_vec(), with_checks(input)] {
        let mut dumps = read(log.as_slice()).expect("reading from memory does not fail");
        // A dump is a few bytes, and each form has some kilobytes of its own.
        dumps.truncate(3);
        let named: Vec<_> = dumps.into_iter().filter_map(named).collect();
        let Some(base) = named.first() else { continue };
        let style = Style { value: Value::TotalBlocks, tables: &Table::ALL, top: 3 };
        for base in [None, Some(base)] {
            for form in Form::ALL {
                // Flame graphs are the work of another crate, and slow.
                if form != Form::Icicle {
                    let _ = write_report(form, Subject { dumps: &named, base }, &style);
                }
            }
        }
    }
}

fn named(dump: Dump) -> Option<(Dump, Profile)> {
    let since = Selection { since: Some("1".into()), ..Selection::default() };
    let _ = Profile::new(&dump, None, &since);
    let profile = Profile::new(&dump, None, &Selection::default()).ok()?;
    Some((dump, profile))
}

/// The lines that begin with `~`, with the checks that they should have: no fuzzer would find those.
fn with_checks(input: &[u8]) -> Vec<u8> {
    let mut log = Vec::new();
    for line in input.split(|byte| *byte == b'\n') {
        match line.strip_prefix(b"~") {
            Some(rest) => {
                let text = rest.split(|byte| *byte == b'*').next().unwrap_or_default();
                let check = format!("*{:04x}", crc32fast::hash(text) & 0xffff);
                log.extend([b"~", text, check.as_bytes()].concat());
            }
            None => log.extend(line),
        }
        log.push(b'\n');
    }
    log
}
