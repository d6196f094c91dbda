//! `poweroff`: switches the machine off.

use shell::Command;

use super::Session;
use crate::arch::power;

pub(super) const COMMAND: Command<Session> = Command {
    name: "poweroff",
    usage: "poweroff",
    summary: "switch the machine off",
    run: |_, _| power::power_off(),
};
