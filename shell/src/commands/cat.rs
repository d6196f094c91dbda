//! `cat`: files, one after the other.

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::source::PIECE_BYTES;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "cat",
    usage: "cat [-u] [FILE...]",
    summary: "write files, or the input; -u: unbuffered, which it always is",
    syntax: Syntax::at_least(0).flags("u"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    session.for_each_input(COMMAND.name, &options.operands, |session, _, source| {
        let mut piece = [0; PIECE_BYTES];
        while let Some(bytes) = session.next_piece(source, &mut piece)? {
            session.write_bytes(bytes);
        }
        Ok(())
    });
}
