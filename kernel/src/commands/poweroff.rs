//! `poweroff`: switches the machine off.

use shell::Command;

use crate::arch::power;
use crate::crash::black_box::{self, Ending};

pub(super) const COMMAND: Command = Command {
    name: "poweroff",
    usage: "poweroff",
    summary: "switch the machine off",
    run: |_, _| {
        black_box::keep_ending(Ending::PowerOff);
        power::power_off();
    },
};
