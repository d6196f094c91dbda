//! The end of a kernel that cannot go on: a report, then what `panic=` asks for.
//!
//! Panics and exceptions come here alike. Whatever they interrupted may hold any lock and may have left anything half
//! done: so nobody here waits for a lock or allocates, and what is looked up may fault (see `arch::guarded`). A fault or
//! panic in the report itself ends in one short line, one in that line in silence.

mod ending;
mod report;

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::arch::idt::InterruptFrame;
use crate::arch::{cpu, guarded, registers};
use crate::console::{Emergency, write_emergency};
pub(crate) use ending::set_ending;
use report::{Cause, Report};

/// How often something went wrong: the first has a report, the second a line.
static CRASHES: AtomicU32 = AtomicU32::new(0);

/// Ends the kernel for a panic; ends just a guarded call, if the panic is in one.
pub(crate) fn panicked(info: &PanicInfo<'_>) -> ! {
    let registers = registers::capture();
    cpu::mask_interrupts();
    guarded::leave_if_inside();
    match CRASHES.fetch_add(1, Ordering::AcqRel) {
        0 => end(&Report { cause: Cause::Panic(info), registers: &registers }),
        1 => match info.location() {
            Some(place) => write_emergency(format_args!("\npanic at {place} while reporting; halted\n")),
            None => write_emergency(format_args!("\npanic while reporting; halted\n")),
        },
        _ => {}
    }
    cpu::halt_forever();
}

/// Ends the kernel for an exception.
pub(crate) fn faulted(frame: &InterruptFrame) -> ! {
    cpu::mask_interrupts();
    match CRASHES.fetch_add(1, Ordering::AcqRel) {
        0 => end(&Report { cause: Cause::Exception, registers: frame }),
        1 => write_emergency(format_args!(
            "\nexception {} at {:#x} while reporting; halted\n",
            frame.vector, frame.rip
        )),
        _ => {}
    }
    cpu::halt_forever();
}

fn end(report: &Report<'_>) -> ! {
    // A writer to the console cannot fail.
    let _ = report.write(&mut Emergency);
    ending::act();
}
