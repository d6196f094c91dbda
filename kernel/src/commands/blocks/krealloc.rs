//! `krealloc`: gives a block another size, and shows whether it moved.

use core::ptr::NonNull;

use shell::{Command, Options, Session, Syntax};

use super::figures::Figures;
use super::kfree::report_refused;
use super::order::report_no_room;
use crate::commands::words;
use crate::memory::by_hand;
use crate::memory::heap::{ksize, tracker};

pub(super) const COMMAND: Command = Command {
    name: "krealloc",
    usage: "krealloc ADDRESS SIZE",
    summary: "give a block that was made at the shell another size; 0 frees it",
    syntax: Syntax::operands(2, 2),
    run,
};

#[inline(never)]
fn run(session: &mut Session, options: &Options<'_>) {
    let [address, size] = options.operands.as_slice() else { return };
    let Some(address) = words::address(session, COMMAND.name, address) else { return };
    let Some(size_bytes) = words::size(session, COMMAND.name, size) else { return };
    if address == 0 && !by_hand::has_room() {
        return report_no_room(session, COMMAND.name);
    }
    let before = Figures::now();
    match by_hand::reallocate(address, size_bytes).map(NonNull::new) {
        Ok(Some(block)) => {
            let now = block.as_ptr() as usize;
            match address {
                0 => session.print(format_args!("{now:#x}: a new block, ")),
                _ if now == address => session.print(format_args!("{now:#x}: stays where it is, ")),
                _ => session.print(format_args!("{now:#x}: moved there from {address:#x}, ")),
            }
            show_sizes(session, block, size_bytes);
        }
        Ok(None) => session.print(format_args!("{address:#x}: freed\n")),
        Err(refused) => return report_refused(session, COMMAND.name, address, refused),
    }
    before.show_change(session);
}

/// Writes what a block was asked for and what it takes. Reads all records, as only these say what one block takes.
fn show_sizes(session: &mut Session, block: NonNull<u8>, size_bytes: usize) {
    let mut taken_bytes = None;
    tracker().blocks().for_each_taken(|record, bytes| {
        if record.address() == block.as_ptr() as usize {
            taken_bytes = Some(bytes);
        }
    });
    session.print(format_args!("now {size_bytes} bytes asked for, "));
    match taken_bytes {
        Some(bytes) => session.print(format_args!("{bytes} taken\n")),
        None => session.print(format_args!("{} usable\n", ksize(block.as_ptr()))),
    }
}
