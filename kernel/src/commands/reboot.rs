//! `reboot`: starts the machine anew.

use shell::Command;

use super::Session;
use crate::arch::power;

pub(super) const COMMAND: Command<Session> = Command {
    name: "reboot",
    usage: "reboot",
    summary: "start the machine anew",
    run: |_, _| power::reboot(),
};
