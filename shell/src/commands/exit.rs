//! `exit`: there is no shell above this one to return to, and it says so.

use crate::command::Command;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "exit",
    usage: "exit",
    summary: "say how to leave",
    syntax: Syntax::NOTHING,
    run: |session, _| session.print(format_args!("type poweroff or reboot to leave\n")),
};
