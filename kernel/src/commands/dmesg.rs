//! `dmesg`: the log, as far as it is kept.

use core::fmt;

use journal::Entry;
use shell::{Command, Session};

use crate::logger;

pub(super) const COMMAND: Command =
    Command { name: "dmesg", usage: "dmesg", summary: "show the kernel's log", run };

fn run(session: &mut Session, _: &[&str]) {
    logger::for_each(&mut |entry| {
        if !session.is_interrupted() {
            session.print(format_args!("{}\n", Coloured(entry)));
        }
    });
}

struct Coloured<'a>(&'a Entry);

impl fmt::Display for Coloured<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_coloured(out)
    }
}
