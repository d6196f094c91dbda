//! `leaks since` and `diff`: by how much each call stack has grown.

use memstat::report::{Growth, GrowthByStack};
use memstat::{Change, Record, StackChange, StackUsage, TopChanges};
use shell::{Command, Options, Session, Syntax};
use tally_heap::PAGE_BYTES;

use super::changes::{Changes, MAX_ROWS};
use super::mark::{Age, report_missing};
use super::page_since;
use crate::memory::heap::tracker;
use crate::memory::leaks::marks::{self, Mark};
use crate::memory::leaks::page_usage::PageUsage;
use crate::memory::report::{PageChange, PagesByPurpose};
use crate::memory::{Purpose, Scratch};
use control::memstat::DEFAULT_NAME;

pub(in crate::commands) const SINCE: Command = Command {
    name: "since",
    usage: "leaks since [-a] [-n STACKS] [NAME]",
    summary: "what came since a mark, or the newest, by stack; -a: and where as much went",
    syntax: Syntax::operands(0, 1).flags("a").numbers("n"),
    run: since,
};

pub(super) const DIFF: Command = Command {
    name: "diff",
    usage: "leaks diff [-n STACKS] NAME NAME",
    summary: "what came between two marks, by call stack",
    syntax: Syntax::operands(2, 2).numbers("n"),
    run: diff,
};

/// Stacks that are shown unless it is said how many.
const ROWS: u64 = 10;

fn since(session: &mut Session, options: &Options<'_>) {
    let name = options.operands.first();
    let mark = name.map_or_else(marks::newest, |name| marks::find(name));
    let Some(mark) = mark else { return report_missing(session, name.unwrap_or(&DEFAULT_NAME)) };
    // Before the pages for this report.
    let page_usage = PageUsage::now();
    let now = tracker().leaks().snapshot();
    let own_pages = page_usage.as_ref().map_or(0, PageUsage::size_bytes) / PAGE_BYTES;
    let pages =
        PageChange { earlier: mark.pages, later: PagesByPurpose::now().without(Purpose::Buffers, own_pages) };
    session.print(format_args!("since {}, set {} ago:\n", mark.name, Age::between(&mark.snapshot, &now)));
    let mut table = Scratch::new(usize::from(now.stack_count) + 1, Growth::default);
    let mut new = None;
    match &mut table {
        Some(table) => {
            let mut growth = GrowthByStack::new(mark.snapshot.sequence, now.sequence, table.as_mut_slice());
            if !read_records(session, &mut growth) {
                return;
            }
            new = Some(growth);
        }
        None => {
            session.print(format_args!("(out of memory: new blocks are not distinguished from old ones)\n"));
        }
    }

    let row = |number, held| StackChange {
        number,
        change: Change::between(marks::usage(&mark, number), held),
        new: new.as_ref().map(|new| new.of(number)).unwrap_or_default(),
    };
    let mut top = TopChanges::<MAX_ROWS>::new(options.has('a'));
    let mut without_stack = now.recorded;
    for number in 1..=now.stack_count {
        let held = tracker().stacks().get(number).as_ref().map(StackUsage::from).unwrap_or_default();
        without_stack.bytes = without_stack.bytes.saturating_sub(held.bytes);
        without_stack.blocks = without_stack.blocks.saturating_sub(held.blocks);
        top.add(row(number, held));
    }
    let changes = Changes {
        earlier: mark.snapshot,
        later: now,
        pages,
        without_stack: row(0, without_stack),
        top,
        is_new_known: new.is_some(),
    };
    let rows = options.number('n').unwrap_or(ROWS) as usize;
    changes.show(session, rows);
    match &page_usage {
        Some(later) => page_since::show(session, rows, later.last_stack(), |stack| {
            (marks::page_usage_of(&mark, stack), later.of(stack))
        }),
        None => session.print(format_args!("(out of memory: the call stacks of pages are not compared)\n")),
    }
    let after = tracker().leaks().snapshot();
    if (after.sequence, after.recorded) != (now.sequence, now.recorded) {
        session.print(format_args!("(the heap was used meanwhile, so the figures are not of one moment)\n"));
    }
}

/// Takes all records in. False if that was interrupted.
fn read_records(session: &Session, growth: &mut GrowthByStack<'_>) -> bool {
    let mut records = [Record::EMPTY; 32];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = tracker().blocks().read(from, &mut records);
        records.iter().take(count).for_each(|record| growth.add(record));
        if session.is_interrupted() {
            return false;
        }
        cursor = next;
    }
    true
}

fn diff(session: &mut Session, options: &Options<'_>) {
    let [first, second] = options.operands.as_slice() else { return };
    let mut pair: [Option<Mark>; 2] = [None; 2];
    for (name, place) in [first, second].into_iter().zip(&mut pair) {
        *place = marks::find(name);
        if place.is_none() {
            return report_missing(session, name);
        }
    }
    let [Some(mut earlier), Some(mut later)] = pair else { return };
    if later.snapshot.stamp < earlier.snapshot.stamp {
        core::mem::swap(&mut earlier, &mut later);
        session.print(format_args!("({} was set before {}, so it stands first)\n", earlier.name, later.name));
    }
    let time = Age::between(&earlier.snapshot, &later.snapshot);
    session.print(format_args!("from {} to {}, {time} later:\n", earlier.name, later.name));
    let row = |number| StackChange {
        number,
        change: Change::between(marks::usage(&earlier, number), marks::usage(&later, number)),
        new: Growth::default(),
    };
    let mut top = TopChanges::<MAX_ROWS>::new(false);
    (1..=later.snapshot.stack_count).for_each(|number| top.add(row(number)));
    let changes = Changes {
        earlier: earlier.snapshot,
        later: later.snapshot,
        pages: PageChange { earlier: earlier.pages, later: later.pages },
        without_stack: row(0),
        top,
        is_new_known: false,
    };
    let rows = options.number('n').unwrap_or(ROWS) as usize;
    changes.show(session, rows);
    page_since::show(session, rows, later.last_page_stack, |stack| {
        (marks::page_usage_of(&earlier, stack), marks::page_usage_of(&later, stack))
    });
}
