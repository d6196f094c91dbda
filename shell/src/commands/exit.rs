//! `exit`: there is no shell above this one to return to, and it says so.

use crate::command::Command;

pub(super) const COMMAND: Command = Command {
    name: "exit",
    usage: "exit",
    summary: "say how to leave",
    run: |session, _| session.print(format_args!("type poweroff or reboot to leave\n")),
};
