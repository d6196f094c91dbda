//! `poweroff`: switches the machine off.

use shell::{Command, Syntax};

use crate::crash::black_box::{self, Ending};
use crate::crash::power_off;

pub(super) const COMMAND: Command = Command {
    name: "poweroff",
    usage: "poweroff",
    summary: "switch the machine off",
    syntax: Syntax::NOTHING,
    run: |_, _| {
        black_box::keep_ending(Ending::PowerOff);
        power_off();
    },
};
