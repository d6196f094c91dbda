//! The rows of `allocs`.

use control::allocs::{Group, Sum, class_start_ms};
use journal::Seconds;
use memstat::{Platform, Record};
use shell::Session;

use crate::arch::VAddr;
use crate::memory::heap::tracker;
use crate::memory::ledger::Ledger;
use crate::symbols::{self, ReturnAddress};

/// Shows records, with the columns of /proc/allocs that fit on a screen.
pub(super) fn show_records<'a>(
    session: &mut Session,
    ledger: Ledger,
    records: impl Iterator<Item = &'a Record>,
) {
    session.print(format_args!("#        <address>       <size>         <time> <cpu> <task> <site>\n"));
    for record in records {
        let time = Seconds(tracker().platform().stamp_to_ns(record.stamp()));
        session.print(format_args!(
            "  {:016x} {:>12} {:>14} {:>5} {:>6}",
            record.address(),
            record.size_bytes(),
            // A text, so that it is padded.
            format_time(&time),
            record.cpu(),
            record.task()
        ));
        match ledger.stack(record.stack()).and_then(|stack| stack.frames().first().copied()) {
            Some(site) => session.print(format_args!(" {}\n", ReturnAddress(VAddr::from_usize(site)))),
            None => session.print(format_args!(" -\n")),
        }
    }
}

fn format_time(time: &Seconds) -> arrayvec::ArrayString<32> {
    let mut text = arrayvec::ArrayString::new();
    // The longest time has room.
    let _ = core::fmt::write(&mut text, format_args!("{time}"));
    text
}

/// Shows a sum with its key.
pub(super) fn show_sum(session: &mut Session, ledger: Ledger, group: Group, sum: &Sum) {
    let Sum { key, blocks, bytes } = *sum;
    let unit = ledger.unit();
    let plural = if blocks == 1 { "" } else { "s" };
    session.print(format_args!("{bytes:>12} bytes in {blocks} {unit}{plural}: "));
    match group {
        Group::Function | Group::Site if key == 0 => session.print(format_args!("without a call stack\n")),
        Group::Function => match symbols::function_at(VAddr(key)) {
            Some(name) => session.print(format_args!("{name}\n")),
            None => session.print(format_args!("{key:#018x}\n")),
        },
        Group::Site => session.print(format_args!("{}\n", ReturnAddress(VAddr(key)))),
        Group::Size => session.print(format_args!("of {key} bytes\n")),
        Group::Task => session.print(format_args!("task {key}\n")),
        Group::Cpu => session.print(format_args!("CPU {key}\n")),
        Group::Age => {
            let seconds = |class| Seconds(class_start_ms(class).saturating_mul(1_000_000));
            session.print(format_args!(
                "from {} to {} s old\n",
                seconds(key),
                seconds(key.saturating_add(1))
            ));
        }
    }
}

/// Shows what was found in all, and whether rows were left out.
pub(super) fn show_total(session: &mut Session, ledger: Ledger, all: &Sum, shown: u64, rows: u64) {
    let plural = if all.blocks == 1 { "" } else { "s" };
    session.print(format_args!("total: {} bytes in {} {}{plural}", all.bytes, all.blocks, ledger.unit()));
    match rows.saturating_sub(shown) {
        0 => session.print(format_args!("\n")),
        hidden => session.print(format_args!("; {hidden} rows are not shown (-n)\n")),
    }
}
