//! `kfree`: frees blocks that were made at the shell. An address that is no live block is refused and reported, as for
//! any other caller; a block of the kernel's own is refused too.

use shell::{Command, Options, Session, Syntax};

use super::figures::Figures;
use crate::commands::words;
use crate::memory::by_hand::{self, Refused};

pub(super) const COMMAND: Command = Command {
    name: "kfree",
    usage: "kfree ADDRESS... | all",
    summary: "free blocks that kmalloc, kzalloc or krealloc made at the shell; all: all of them",
    syntax: Syntax::at_least(1),
    run,
};

#[inline(never)]
fn run(session: &mut Session, options: &Options<'_>) {
    let before = Figures::now();
    if options.operands.as_slice() == ["all"] {
        free_all(session);
    } else {
        for word in &options.operands {
            if let Some(address) = words::address(session, COMMAND.name, word) {
                free(session, address);
            }
        }
    }
    before.show_change(session);
}

#[inline(never)]
fn free(session: &mut Session, address: usize) {
    if address == 0 {
        return session.print(format_args!("0x0: null, nothing to free\n"));
    }
    let taken_before = Figures::now().taken_bytes();
    match by_hand::free(address) {
        Ok(()) => {
            let given_bytes = taken_before.saturating_sub(Figures::now().taken_bytes());
            session.print(format_args!("{address:#x}: freed, {given_bytes} bytes given back\n"));
        }
        Err(refused) => report_refused(session, COMMAND.name, address, refused),
    }
}

#[inline(never)]
fn free_all(session: &mut Session) {
    let before = by_hand::count();
    while let Some(address) = by_hand::get(0) {
        if session.is_interrupted() || by_hand::free(address).is_err() {
            break;
        }
    }
    session.print(format_args!("{} of {before} blocks freed\n", before - by_hand::count()));
}

/// Says why nothing was done with an address.
pub(super) fn report_refused(session: &mut Session, command: &str, address: usize, refused: Refused) {
    match refused {
        Refused::NotLive => {
            session.report_failure(format_args!("{command}: {address:#x}: no live block starts there"));
        }
        Refused::NotByHand { size_bytes } => session.report_failure(format_args!(
            "{command}: {address:#x}: the kernel uses this block of {size_bytes} bytes; only blocks made at the shell \
             can be freed there"
        )),
        Refused::OutOfMemory => {
            session.report_failure(format_args!("{command}: {address:#x}: out of memory"));
        }
    }
}
