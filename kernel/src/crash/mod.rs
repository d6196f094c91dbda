//! The end of a kernel that cannot continue: a report, then what `panic=` asks for.
//!
//! Both panics and exceptions end here. The interrupted code may hold any lock and may have left any data inconsistent. So
//! this code waits for no lock, allocates nothing, and guards its look-ups against faults (see `arch::guarded`). A fault or
//! panic in the report itself is reported in one short line; one in that line stops the kernel without output.

mod addresses;
pub(crate) mod black_box;
mod ending;
mod exceptions;
mod fault_site;
mod report;

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::arch::idt::InterruptFrame;
use crate::arch::{cpu, guarded, registers};
use crate::console::{Emergency, write_emergency};
use crate::logger::muted;
use black_box::{Ending, Writer};
pub(crate) use ending::{power_off, set_ending, stop};
use report::{Cause, Report};

/// Number of panics and exceptions so far: the first one gets a report, the second one a line.
static CRASHES: AtomicU32 = AtomicU32::new(0);

/// Ends the kernel after a panic, or only the guarded call that panicked.
pub(crate) fn panicked(info: &PanicInfo<'_>) -> ! {
    let registers = registers::capture();
    cpu::mask_interrupts();
    guarded::leave_if_inside();
    match CRASHES.fetch_add(1, Ordering::AcqRel) {
        0 => end(&Report { cause: Cause::Panic(info), registers: &registers }, Ending::Panic),
        1 => match info.location() {
            Some(place) => end_report(format_args!("\npanic at {place} while reporting\n")),
            None => end_report(format_args!("\npanic while reporting\n")),
        },
        _ => cpu::halt_forever(),
    }
}

/// Ends the kernel after an exception.
pub(crate) fn faulted(frame: &InterruptFrame) -> ! {
    cpu::mask_interrupts();
    match CRASHES.fetch_add(1, Ordering::AcqRel) {
        0 => end(&Report { cause: Cause::Exception, registers: frame }, Ending::Exception),
        1 => end_report(format_args!("\nexception {} at {:#x} while reporting\n", frame.vector, frame.rip)),
        _ => cpu::halt_forever(),
    }
}

fn end(report: &Report<'_>, ending: Ending) -> ! {
    // Only to the console: the black box has the log anyway.
    let _ = muted::write_at_end(&mut Emergency);
    let mut out = Everywhere { black_box: black_box::begin_crash(ending) };
    // Neither writer fails.
    let _ = report.write(&mut out);
    if let Some(record) = out.black_box {
        black_box::finish(record);
    }
    ending::act();
}

/// Reports in one line that the report has crashed, and stops.
fn end_report(words: fmt::Arguments<'_>) -> ! {
    write_emergency(words);
    black_box::append_to_crash(words);
    ending::stop();
}

/// The console, and the black box if there is one.
struct Everywhere {
    black_box: Option<Writer<'static>>,
}

impl Write for Everywhere {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(record) = &mut self.black_box {
            record.write_str(text)?;
        }
        Emergency.write_str(text)
    }
}
