//! `krealloc`: gives a block another size, and shows whether it moved.

use core::ptr::NonNull;

use shell::{Command, Options, Session, Syntax};

use super::figures::Figures;
use super::kfree::report_refused;
use super::order::report_no_room;
use super::words;
use crate::memory::by_hand;

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
        Ok(Some(block)) if block.as_ptr() as usize == address => {
            session
                .print(format_args!("{address:#x}: stays where it is, now {size_bytes} bytes asked for\n"));
        }
        Ok(Some(block)) => session.print(format_args!(
            "{:#x}: moved there from {address:#x}, now {size_bytes} bytes asked for\n",
            block.as_ptr() as usize
        )),
        Ok(None) => session.print(format_args!("{address:#x}: freed\n")),
        Err(refused) => return report_refused(session, COMMAND.name, address, refused),
    }
    before.show_change(session);
}
