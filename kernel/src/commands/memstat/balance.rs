//! `memstat balance`: what all RAM is used for, as bars.

use shell::{Command, Options, Session, Syntax};

use crate::memory::balance::{Balance, Row};

pub(super) const BALANCE: Command = Command {
    name: "balance",
    usage: "memstat balance",
    summary: "show what all RAM is used for, as bars, and whether each byte is accounted for",
    syntax: Syntax::NOTHING,
    run,
};

/// Columns of a name with its indentation, and of a full bar.
const NAME_COLUMNS: usize = 36;
const BAR_COLUMNS: u64 = 24;
/// Rows further inside are left to `/proc/balance`.
const MAX_DEPTH: usize = 3;

fn run(session: &mut Session, _: &Options<'_>) {
    let balance = Balance::now();
    let all_bytes = balance.rows().first().map_or(0, |row| row.bytes as u64);
    for row in balance.rows().iter().filter(|row| row.depth <= MAX_DEPTH && row.bytes != 0) {
        show(session, row, all_bytes);
    }
    session.print(format_args!("{}\n", balance.verdict()));
}

fn show(session: &mut Session, row: &Row, all_bytes: u64) {
    let Row { depth, name, bytes } = row;
    let indent = 2 * depth;
    let kib = bytes / 1024;
    let filled = (bytes.unsigned_abs() * BAR_COLUMNS).div_ceil(all_bytes.max(1)) as usize;
    let columns = NAME_COLUMNS - indent;
    session.print(format_args!("{:indent$}{name:<columns$} {kib:>10} kB {:#<filled$}\n", "", ""));
}
