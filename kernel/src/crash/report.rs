//! The report of a crash: cause, registers, call stack, memory, the last events of the heap.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use journal::{EventLine, Seconds};
use memstat::{CrashSnapshot, Platform, report};
use tally_heap::PAGE_BYTES;

use super::{addresses, exceptions, fault_site};
use crate::arch::idt::{self, InterruptFrame};
use crate::arch::{VAddr, clock, guarded};
use crate::memory::heap::tracker;
use crate::memory::{Purpose, pages_for, try_pages};
use crate::symbols::ReturnAddress;

/// Maximum number of events that are shown.
const EVENTS: usize = 10;

/// Why the kernel ends.
#[derive(Clone, Copy)]
pub(super) enum Cause<'a> {
    /// A panic.
    Panic(&'a PanicInfo<'a>),
    /// An exception; the registers say which.
    Exception,
}

/// A crash.
pub(super) struct Report<'a> {
    pub(super) cause: Cause<'a>,
    /// The registers of the exception, or of the panic handler.
    pub(super) registers: &'a InterruptFrame,
}

impl Report<'_> {
    pub(super) fn write(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str("\n\x1b[1;31m")?;
        self.write_cause(out)?;
        out.write_str("\x1b[0m\n")?;
        write_time(out)?;
        match self.cause {
            Cause::Panic(_) => {
                exceptions::write_registers(self.registers, out)?;
                writeln!(out, "call stack:")?;
                exceptions::write_call_stack(VAddr(self.registers.rbp), out)?;
            }
            Cause::Exception => exceptions::describe(self.registers, out)?,
        }
        write_pages(out)?;
        write_heap(out)?;
        addresses::write(self.registers, exceptions::accessed_address(self.registers), out)?;
        self.write_conclusion(out)
    }

    /// Repeats cause, address, function, file and line: on a screen of 25 lines the beginning has scrolled away.
    fn write_conclusion(&self, out: &mut dyn Write) -> fmt::Result {
        self.write_cause(out)?;
        out.write_char('\n')?;
        match self.cause {
            Cause::Panic(info) => fault_site::write_of_panic(info, VAddr(self.registers.rbp), out),
            Cause::Exception => {
                exceptions::write_access(self.registers, out)?;
                fault_site::write_of_exception(self.registers, out)
            }
        }
    }

    fn write_cause(&self, out: &mut dyn Write) -> fmt::Result {
        match self.cause {
            Cause::Panic(info) => {
                // The place first: formatting the message may fail.
                match info.location() {
                    Some(place) => write!(out, "panic at {place}: ")?,
                    None => write!(out, "panic: ")?,
                }
                write!(out, "{}", info.message())
            }
            Cause::Exception => exceptions::write_title(self.registers, out),
        }
    }
}

fn write_time(out: &mut dyn Write) -> fmt::Result {
    let time = Seconds(clock::uptime_ns());
    let place = if idt::is_in_interrupt() { ", in the handler of an interrupt" } else { "" };
    writeln!(out, "{time} s after the start{place}")
}

/// Writes the use of memory, in one line.
fn write_pages(out: &mut dyn Write) -> fmt::Result {
    let kib = |pages: usize| pages * (PAGE_BYTES / 1024);
    match try_pages() {
        Some((total, free)) => write!(out, "memory: {} kB, {} free", kib(total), kib(free))?,
        None => write!(out, "memory: the lock of the pages is held, so free pages are not known")?,
    }
    for purpose in Purpose::ALL {
        let pages = pages_for(purpose);
        // Left out if there are none, as a screen of 25 lines is small.
        if pages > 0 || !matches!(purpose, Purpose::GuardPages | Purpose::Drivers) {
            write!(out, ", {} {}", purpose.name(), kib(pages))?;
        }
    }
    writeln!(out)
}

fn write_heap(out: &mut dyn Write) -> fmt::Result {
    // Guarded: the tracker's tables may be inconsistent.
    match guarded::call(|| tracker().try_snapshot::<EVENTS>()) {
        Ok(Some(snapshot)) => {
            write_counters(&snapshot, out)?;
            write_events(&snapshot, out)
        }
        Ok(None) => {
            writeln!(out, "heap: the tracker's lock is held, so its counters and events cannot be read")
        }
        Err(_) => writeln!(out, "heap: the tracker's counters and events cannot be read"),
    }
}

fn write_counters(snapshot: &CrashSnapshot<EVENTS>, out: &mut dyn Write) -> fmt::Result {
    let (counters, level, guard) = (&snapshot.counters, snapshot.level.name(), snapshot.guard);
    write!(out, "heap: ")?;
    report::print_mem_stats(counters, out)?;
    writeln!(
        out,
        "; {} allocations, {} frees, {} failures, {} bad frees; memstat={level} guard={guard}",
        counters.allocations, counters.frees, counters.failures, counters.bad_frees
    )
}

fn write_events(snapshot: &CrashSnapshot<EVENTS>, out: &mut dyn Write) -> fmt::Result {
    let count = snapshot.events().count();
    if count == 0 {
        return writeln!(out, "last events: none; memstat=full keeps them");
    }
    let are_numbered = snapshot.events().all(|(event, _)| event.record().sequence() > 0);
    if are_numbered {
        writeln!(out, "last {count} of {} events:", snapshot.written)?;
    } else {
        writeln!(out, "last events: {count}, frees only; memstat=full keeps all:")?;
    }
    for (event, caller) in snapshot.events() {
        let record = event.record();
        let line = EventLine {
            sequence: record.sequence(),
            time_ns: tracker().platform().stamp_to_ns(record.stamp()),
            kind: event.kind().name(),
            address: record.address() as u64,
            size_bytes: record.size_bytes() as u64,
        };
        write!(out, "  {line}")?;
        match caller {
            Some(address) => writeln!(out, " {}", ReturnAddress(VAddr::from_usize(address)))?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}
