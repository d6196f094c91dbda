//! `allocs`: live blocks, or runs of pages, that fit what is asked: listed, or summed up, as mdb's `::bufctl` and
//! `::kmausers` do it.
//!
//! Its tables are in pages of their own, which are given back; the heap stays as it is.

mod selection;
mod shown;

use control::allocs::{GROUPS, Group, ORDERS, Order, Sum, Sums, Top};
use memstat::{Level, Record};
use shell::{Command, Options, Session, Syntax};

use crate::memory::Scratch;
use crate::memory::ledger::Ledger;
use selection::{Selection, Stacks};

pub(super) const COMMAND: Command = Command {
    name: "allocs",
    usage: "allocs [-p] [-s SIZES] [-a SECONDS] [-f FUNCTION|FILE:LINE]... [-t TASK] [-c CPU] [-m MARK] \
            [-g KEY] [-k ORDER] [-n ROWS]",
    summary: "list live blocks, or sum them up by -g function, site, size, task, cpu, age; -p: runs of pages",
    syntax: Syntax::NOTHING.flags("p").values("safmgk").numbers("tcn"),
    run,
};

/// Rows that are shown without an option, and at most.
const DEFAULT_ROWS: u64 = 20;
const MAX_ROWS: u64 = 10_000;
/// Keys that are summed up apart.
const MAX_KEYS: usize = 8192;
/// Records that are copied at once.
const RECORDS_AT_ONCE: usize = 32;

/// What is asked for.
struct Wish {
    ledger: Ledger,
    selection: Selection,
    group: Option<Group>,
    order: Order,
    rows: usize,
}

fn run(session: &mut Session, options: &Options<'_>) {
    let Some(wish) = wish(session, options) else { return };
    let done = match wish.group {
        None => list(session, &wish),
        Some(group) => sum_up(session, &wish, group),
    };
    if done.is_none() {
        session.report_failure(format_args!("allocs: out of memory for its tables"));
    }
    if let Err(error) = wish.ledger.level().require(Level::Blocks) {
        session.print(format_args!("{error}\n"));
    }
}

/// Reads the options. Says so if one is wrong.
fn wish(session: &mut Session, options: &Options<'_>) -> Option<Wish> {
    let ledger = if options.has('p') { Ledger::Pages } else { Ledger::Blocks };
    let selection = Selection::of(session, options)?;
    let group = match options.values('g').last() {
        None => None,
        Some(word) => Some(known(session, "key", word, Group::parse(word), GROUPS)?),
    };
    let order = match options.values('k').last() {
        None => Order::Bytes,
        Some(word) => known(session, "order", word, Order::parse(word), ORDERS)?,
    };
    let rows = options.number('n').unwrap_or(DEFAULT_ROWS).min(MAX_ROWS) as usize;
    Some(Wish { ledger, selection, group, order, rows })
}

fn known<T>(session: &mut Session, what: &str, word: &str, value: Option<T>, expected: &str) -> Option<T> {
    if value.is_none() {
        session.report_failure(format_args!("allocs: unknown {what} '{word}'; expected {expected}"));
    }
    value
}

/// Passes each record that fits to `visit`. False if Ctrl-C was typed.
fn for_each(session: &Session, wish: &Wish, stacks: &Stacks, visit: &mut dyn FnMut(&Record)) -> bool {
    let mut records = [Record::EMPTY; RECORDS_AT_ONCE];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        if session.is_interrupted() {
            return false;
        }
        let (count, next) = wish.ledger.read(from, &mut records);
        cursor = next;
        records.iter().take(count).filter(|record| wish.selection.fits(record, stacks)).for_each(&mut *visit);
    }
    true
}

/// `None` without memory.
fn list(session: &mut Session, wish: &Wish) -> Option<()> {
    let stacks = Stacks::find(wish.ledger, &wish.selection)?;
    let mut rows = Scratch::new(wish.rows.max(1), || (0, Record::EMPTY))?;
    let mut top = Top::new(rows.as_mut_slice().get_mut(..wish.rows)?);
    let mut all = Sum::default();
    for_each(session, wish, &stacks, &mut |record| {
        all.blocks += 1;
        all.bytes += record.size_bytes() as u64;
        let rank = match wish.order {
            Order::Bytes | Order::Blocks => record.size_bytes() as u64,
            Order::Age => !record.stamp(),
            Order::Address => !(record.address() as u64),
        };
        top.add(rank, *record);
    });
    shown::show_records(session, wish.ledger, top.rows());
    shown::show_total(session, wish.ledger, &all, top.rows().count() as u64, all.blocks);
    Some(())
}

/// `None` without memory.
fn sum_up(session: &mut Session, wish: &Wish, group: Group) -> Option<()> {
    let stacks = Stacks::find(wish.ledger, &wish.selection)?;
    let mut entries = Scratch::new(MAX_KEYS, Sum::default)?;
    let mut sums = Sums::new(entries.as_mut_slice());
    let mut all = Sum::default();
    for_each(session, wish, &stacks, &mut |record| {
        let bytes = record.size_bytes() as u64;
        all.blocks += 1;
        all.bytes += bytes;
        sums.add(wish.selection.key(group, record, &stacks), bytes);
    });
    let left_out = sums.left_out;
    let sorted = sums.sorted(wish.order);
    for sum in sorted.iter().take(wish.rows) {
        shown::show_sum(session, wish.ledger, group, sum);
    }
    if left_out.blocks > 0 {
        let Sum { blocks, bytes, .. } = left_out;
        session.print(format_args!(
            "{bytes:>12} bytes in {blocks} with other keys, for which there is no room\n"
        ));
    }
    shown::show_total(session, wish.ledger, &all, sorted.len().min(wish.rows) as u64, sorted.len() as u64);
    Some(())
}
