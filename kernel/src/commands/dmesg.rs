//! `dmesg`: the log, as far as it is kept.

use core::fmt;

use journal::{Entry, Stamp};
use shell::{Command, Options, Session, Syntax};

use crate::logger;

pub(super) const COMMAND: Command =
    Command { name: "dmesg", usage: "dmesg", summary: "show the kernel's log", syntax: Syntax::NOTHING, run };

fn run(session: &mut Session, _: &Options<'_>) {
    let has_colours = session.is_on_console();
    logger::for_each(&mut |entry| {
        if !session.is_interrupted() {
            session.print(format_args!("{}\n", Message { entry, has_colours }));
        }
    });
}

/// A message in one line.
struct Message<'a> {
    entry: &'a Entry,
    has_colours: bool,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.has_colours {
            self.entry.write_coloured(out)
        } else {
            write!(out, "{} {}", Stamp(self.entry.time_ns), self.entry.text)
        }
    }
}
