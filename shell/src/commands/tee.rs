//! `tee`: the input into files, and on.

use arrayvec::ArrayVec;
use vfs::{FileDescriptor, OpenFlags};

use crate::command::Command;
use crate::options::Options;
use crate::parser::MAX_WORDS;
use crate::session::Session;
use crate::session::write_all;
use crate::source::PIECE_BYTES;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "tee",
    usage: "tee [-a] [FILE...]",
    summary: "write the input to files, and on; -a: at their end",
    syntax: Syntax::at_least(0).flags("a"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let start = if options.has('a') { OpenFlags::APPEND } else { OpenFlags::TRUNCATE };
    let mut files = ArrayVec::<(FileDescriptor, &str), MAX_WORDS>::new();
    for path in &options.operands {
        match session.vfs().open(&session.cwd, path, OpenFlags::WRITE | OpenFlags::CREATE | start) {
            // As many operands as words.
            Ok(file) => files.push((file, path)),
            Err(error) => session.fail(COMMAND.name, path, error),
        }
    }
    session.for_each_input(COMMAND.name, &[], |session, _, source| {
        let mut piece = [0; PIECE_BYTES];
        while let Some(bytes) = session.next_piece(source, &mut piece)? {
            session.write_bytes(bytes);
            // A file that takes no more is told once, and the others go on.
            files.retain(|(file, path)| {
                write_all(session.vfs(), *file, bytes)
                    .map_err(|error| give_up(session, *file, path, error))
                    .is_ok()
            });
        }
        Ok(())
    });
    for (file, path) in files {
        if let Err(error) = session.vfs().close(file) {
            session.fail(COMMAND.name, path, error);
        }
    }
}

fn give_up(session: &mut Session, file: FileDescriptor, path: &str, error: vfs::Errno) {
    session.fail(COMMAND.name, path, error);
    // It has failed already.
    let _ = session.vfs().close(file);
}
