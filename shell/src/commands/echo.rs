//! `echo`: writes its words, with a space between them.

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "echo",
    usage: "echo [-n] [WORD...]",
    summary: "write words; -n: without a newline at the end",
    syntax: Syntax::at_least(0).flags("n").text(),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let end = if options.has('n') { "" } else { "\n" };
    for (number, word) in options.operands.iter().enumerate() {
        let blank = if number == 0 { "" } else { " " };
        session.print(format_args!("{blank}{word}"));
    }
    session.print(format_args!("{end}"));
}
