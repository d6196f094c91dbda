//! `/proc/last_boot`: what the black box holds of the last boot, or one line that says why it holds nothing.

use core::fmt::{self, Write};

use journal::{EventLine, Seconds, Stamp};
use memstat::{EventKind, GuardLevel, Level};
use vfs::Text;

use crate::arch::VAddr;
use crate::crash::black_box::{self, LastBoot as Last, Record};
use crate::symbols::ReturnAddress;

/// The file.
pub(super) struct LastBoot;

impl Text for LastBoot {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        match black_box::last_boot() {
            Last::Off => writeln!(out, "no record: there is no black box"),
            Last::None(error) => writeln!(out, "no record: {error}"),
            Last::Record { record, damaged } => write_record(&record, damaged, out),
        }
    }
}

fn write_record(record: &Record<'_>, damaged: usize, out: &mut dyn Write) -> fmt::Result {
    let (head, figures, [level, guard]) = (record.head(), record.figures(), record.levels());
    let is_same_build = head.build == black_box::build();
    writeln!(out, "last_boot - version: 1.0")?;
    writeln!(out, "ended: {}", head.ending)?;
    writeln!(out, "uptime: {} s", Seconds(head.uptime_ns))?;
    writeln!(out, "boot: {}, record {}, {damaged} damaged ones beside it", head.boot, head.sequence)?;
    writeln!(out, "date: {} s since 1970", head.date_seconds)?;
    let names = if is_same_build { "this one" } else { "another one: its addresses have no names here" };
    writeln!(out, "build: {:08x}, {names}", head.build)?;
    writeln!(out, "memory: {} pages, {} free", figures.total_pages, figures.free_pages)?;
    writeln!(
        out,
        "heap: {} live blocks, {} bytes; {} allocations, {} frees, {} failures, {} bad frees",
        figures.live_blocks,
        figures.live_bytes,
        figures.allocations,
        figures.frees,
        figures.failures,
        figures.bad_frees
    )?;
    match Level::ALL.get(level).zip(GuardLevel::ALL.get(guard)) {
        Some((level, guard)) => writeln!(out, "levels: memstat={level} guard={guard}")?,
        None => writeln!(out, "levels: not known, and no figures of the heap: its lock was held")?,
    }
    if !record.report().is_empty() {
        writeln!(out, "report:{}", record.report())?;
    }
    writeln!(out, "log:")?;
    for (time_ns, line) in record.lines() {
        writeln!(out, "  {} {line}", Stamp(time_ns))?;
    }
    let count = record.events().count();
    if record.events().all(|event| event.sequence > 0) {
        writeln!(out, "events: {count} of {}", figures.events)?;
    } else {
        writeln!(out, "events: {count}, frees only; memstat=full keeps all")?;
    }
    for event in record.events() {
        let kind = EventKind::ALL.get(usize::from(event.kind));
        let line = EventLine {
            sequence: event.sequence,
            time_ns: event.time_ns,
            kind: kind.map_or("unknown", |kind| kind.name()),
            address: event.address,
            size_bytes: event.size_bytes,
        };
        write!(out, "  {line}")?;
        match event.caller {
            0 => writeln!(out)?,
            caller if is_same_build => writeln!(out, " {}", ReturnAddress(VAddr(caller)))?,
            caller => writeln!(out, " {caller:#018x}")?,
        }
    }
    Ok(())
}
