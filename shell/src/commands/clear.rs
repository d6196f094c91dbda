//! `clear`: an empty screen.

use crate::command::Command;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "clear",
    usage: "clear",
    summary: "clear the screen",
    syntax: Syntax::NOTHING,
    run: |session, _| session.print(format_args!("\x1b[2J\x1b[H")),
};
