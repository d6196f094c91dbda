//! `reboot`: starts the machine anew.

use shell::{Command, Syntax};

use crate::arch::power;
use crate::crash::black_box::{self, Ending};

pub(super) const COMMAND: Command = Command {
    name: "reboot",
    usage: "reboot",
    summary: "start the machine anew",
    syntax: Syntax::NOTHING,
    run: |_, _| {
        black_box::keep_ending(Ending::Reboot);
        power::reboot();
    },
};
