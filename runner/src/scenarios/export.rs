//! `export`: the dump that Tally writes is read back, and has the figures of /proc to the byte.

use std::collections::BTreeSet;

use memstat_report::dump::{Dump, State, read};
use memstat_report::output::table::{Table, write_table};
use memstat_report::profile::{Profile, Selection, Value, Values};

use super::sources::PACKETS;
use super::{is_consistent, with_words};
use crate::error::{Error, Result, ensure};
use crate::figures::Allocs;
use crate::scenario::Scenario;
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words("export", "a dump has the figures of /proc to the byte, and names a leak", "", dump_is_right),
    with_words(
        "export-full",
        "the same with each event, at full with guards",
        "memstat=full guard=full",
        dump_is_right,
    ),
];

/// What `bug leak` leaks each time: see the kernel's `packets.rs`.
const LEAK: (i64, i64) = (276, 3);

/// The one dump in a text.
fn one(text: &str) -> Result<Dump> {
    let mut dumps = read(text.as_bytes()).map_err(|error| Error::Wrong(error.to_string()))?;
    ensure!(dumps.len() == 1, "{} dumps in:\n{text}", dumps.len());
    let dump = dumps.remove(0);
    ensure!(dump.state == State::Whole, "the dump is {}: {:?}", dump.state, dump.problems);
    Ok(dump)
}

fn profile(dump: &Dump, selection: &Selection) -> Result<Profile> {
    Profile::new(dump, None, selection).map_err(|error| Error::Wrong(error.to_string()))
}

fn dump_is_right(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("leaks mark here")?;
    vm.run("bug leak")?;
    let dump = one(&vm.run("export -b")?)?;
    let allocs = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    has_sums(&dump, &allocs)?;
    let blocks: BTreeSet<_> = dump.blocks.iter().map(|block| (block.address, block.size_bytes)).collect();
    for row in &allocs.rows {
        let mut columns = row.split_whitespace();
        let address = columns.next().and_then(|column| u64::from_str_radix(column, 16).ok());
        let block = address.zip(columns.next().and_then(|column| column.parse().ok()));
        ensure!(block.is_some_and(|block| blocks.contains(&block)), "the dump has no block `{row}`");
    }
    ensure!(blocks.len() as u64 == allocs.blocks, "{} blocks in the dump", blocks.len());
    ensure!(dump.events.is_empty() == (dump.level != "full"), "{} events", dump.events.len());
    has_totals(&dump, &vm.run("cat /proc/memstat")?)?;

    let since = Selection { since: Some("here".into()), ..Selection::default() };
    let leaked = profile(&dump, &since)?;
    let Values { live_bytes, live_blocks, .. } = leaked.sum();
    ensure!((live_bytes, live_blocks) == LEAK, "since the mark: {live_bytes} bytes in {live_blocks} blocks");
    let mut table = String::new();
    write_table(Table::Stacks, &dump, &leaked, Value::LiveBytes, 1, &mut table)
        .map_err(|error| Error::Wrong(error.to_string()))?;
    ensure!(table.contains(&format!(" at {}", PACKETS.place())), "the leak is not named in:\n{table}");

    vm.run("export /tmp/dump")?;
    let by_stack = one(&vm.read_file("/tmp/dump")?)?;
    has_sums(&by_stack, &Allocs::parse(&vm.run("cat /proc/allocs")?)?)?;
    ensure!(by_stack.blocks.is_empty(), "there are blocks although -b was not given");
    let failed = vm.run("export /none/dump")?;
    ensure!(failed.contains("export: /none/dump: no such file or directory"), "it says: {failed}");
    is_consistent(vm)
}

/// The sums over call stacks, sizes and ages are what is live.
fn has_sums(dump: &Dump, allocs: &Allocs) -> Result<()> {
    ensure!(dump.during == Some((0, 0)), "while the dump was written: {:?}", dump.during);
    let live = (dump.live.recorded_blocks, dump.live.bytes);
    ensure!(live == (allocs.blocks, allocs.bytes), "live in the dump: {live:?}");
    let Values { live_bytes, live_blocks, .. } = profile(dump, &Selection::default())?.sum();
    let sum = (live_blocks as u64, live_bytes as u64);
    ensure!(sum == live, "the sum over the stacks is {sum:?}, not {live:?}");
    let sizes = dump.sizes.iter().fold((0, 0), |sum, class| (sum.0 + class.blocks, sum.1 + class.bytes));
    let ages = dump.ages.iter().fold((0, 0), |sum, class| (sum.0 + class.blocks, sum.1 + class.bytes));
    ensure!(sizes == live && ages == live, "by size {sizes:?}, by age {ages:?}, not {live:?}");
    Ok(())
}

/// The totals are those of /proc/memstat, and so are their sums over the stacks.
fn has_totals(dump: &Dump, memstat: &str) -> Result<()> {
    let totals = &dump.totals;
    let start = format!(
        "totals: {} allocations of {} bytes, {} frees, ",
        totals.allocations, totals.requested_bytes, totals.frees
    );
    ensure!(memstat.lines().any(|line| line.starts_with(&start)), "no line `{start}` in:\n{memstat}");
    let sum = profile(dump, &Selection::default())?.sum();
    let sum = (sum.total_blocks as u64, sum.total_bytes as u64);
    ensure!(sum == (totals.allocations, totals.requested_bytes), "the sums of the totals are {sum:?}");
    Ok(())
}
