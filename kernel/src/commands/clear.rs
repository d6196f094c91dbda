//! `clear`: an empty screen.

use shell::Command;

use super::Session;

pub(super) const COMMAND: Command<Session> = Command {
    name: "clear",
    usage: "clear",
    summary: "clear the screen",
    run: |session, _| session.print(format_args!("\x1b[2J\x1b[H")),
};
