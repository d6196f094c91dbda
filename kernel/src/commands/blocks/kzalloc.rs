//! `kzalloc`: as `kmalloc`, with all bytes zero.

use shell::{Command, Options, Session, Syntax};

use super::order::Order;
use crate::memory::heap::kzalloc;

pub(super) const COMMAND: Command = Command {
    name: "kzalloc",
    usage: "kzalloc SIZE [COUNT]",
    summary: "allocate COUNT blocks of SIZE bytes that are zero; kfree frees them",
    syntax: Syntax::operands(1, 2),
    run,
};

// The first function of each block's call stack.
fn run(session: &mut Session, options: &Options<'_>) {
    let Some(mut order) = Order::read(session, options, COMMAND.name) else { return };
    while order.wants_more(session) {
        order.take(session, kzalloc(order.size_bytes()));
    }
    order.show_change(session);
}
