//! `echo`: its words, with a blank between them.

use crate::command::Command;
use crate::session::Session;

pub(super) const COMMAND: Command =
    Command { name: "echo", usage: "echo [-n] [WORD...]", summary: "write words; -n: no end of line", run };

fn run(session: &mut Session, words: &[&str]) {
    let (words, end) = match words {
        ["-n", words @ ..] => (words, ""),
        words => (words, "\n"),
    };
    for (number, word) in words.iter().enumerate() {
        let blank = if number == 0 { "" } else { " " };
        session.print(format_args!("{blank}{word}"));
    }
    session.print(format_args!("{end}"));
}
