//! `tee`: copies its input to files and to its output.

use arrayvec::ArrayVec;
use vfs::{FileDescriptor, OpenFlags};

use crate::command::Command;
use crate::gathered::Gathered;
use crate::options::Options;
use crate::parser::MAX_WORDS;
use crate::session::Session;
use crate::session::write_all;
use crate::source::PIECE_BYTES;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "tee",
    usage: "tee [-a] [FILE...]",
    summary: "copy the input to files and to the output; -a: append to the files",
    syntax: Syntax::at_least(0).flags("a"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    let start = if options.has('a') { OpenFlags::APPEND } else { OpenFlags::TRUNCATE };
    let mut files = Files::new();
    for path in &options.operands {
        match session.vfs().open(&session.cwd, path, OpenFlags::WRITE | OpenFlags::CREATE | start) {
            // There is room for as many files as a command has words.
            Ok(file) => files.push((file, path)),
            Err(error) => session.fail(COMMAND.name, path, error),
        }
    }
    session.for_each_input(COMMAND.name, &[], |session, _, source| {
        if let Ok(input) = session.file_of(source) {
            files.retain(|(file, path)| {
                let is_growing = session.is_growing(input, *file).unwrap_or(false);
                if is_growing {
                    session.report_failure(format_args!("tee: {path}: input file is output file"));
                    // Nothing was written to it.
                    let _ = session.vfs().close(*file);
                }
                !is_growing
            });
        }
        let (mut piece, mut gathered) = ([0; PIECE_BYTES], Gathered::new());
        while let Some(bytes) = session.next_piece(source, &mut piece)? {
            session.write_bytes(bytes);
            gathered.add(bytes, |bytes| {
                write_each(session, &mut files, bytes);
                Ok(())
            })?;
        }
        gathered.finish(|bytes| {
            write_each(session, &mut files, bytes);
            Ok(())
        })
    });
    for (file, path) in files {
        if let Err(error) = session.vfs().close(file) {
            session.fail(COMMAND.name, path, error);
        }
    }
}

type Files<'a> = ArrayVec<(FileDescriptor, &'a str), MAX_WORDS>;

/// Writes to each of the files. One that fails is reported and closed; the others continue.
fn write_each(session: &mut Session, files: &mut Files<'_>, bytes: &[u8]) {
    files.retain(|(file, path)| {
        write_all(session.vfs(), *file, bytes).map_err(|error| give_up(session, *file, path, error)).is_ok()
    });
}

fn give_up(session: &mut Session, file: FileDescriptor, path: &str, error: vfs::Errno) {
    session.fail(COMMAND.name, path, error);
    // The failure was reported.
    let _ = session.vfs().close(file);
}
