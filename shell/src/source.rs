//! What commands read: the files they are given, or the standard input.

use vfs::{Errno, FileDescriptor, Kind, Result, SeekFrom};

use crate::pipe::Pipe;
use crate::session::{Input, Session};

/// Commands read at most this much at once.
pub(crate) const PIECE_BYTES: usize = 1024;

/// An input of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The standard input: the file of `<`, or the previous stage.
    Standard,
    /// A file that is an operand.
    File(FileDescriptor),
}

impl Session {
    /// Opens an input; `-` is the standard input.
    pub(crate) fn open_source(&self, path: &str) -> Result<Source> {
        if path == "-" { Ok(Source::Standard) } else { self.open(path).map(Source::File) }
    }

    /// Closes it again.
    pub(crate) fn close_source(&self, source: Source) {
        if let Source::File(file) = source {
            // Closing a file that was only read cannot lose data.
            let _ = self.vfs().close(file);
        }
    }

    /// Calls `visit` for each input: the files at `paths`, or the standard input if there are none. Failures are reported,
    /// and the next input follows, until the command should end. The output file is refused as an input: it would grow
    /// while it is read.
    pub(crate) fn for_each_input(
        &mut self,
        command: &str,
        paths: &[&str],
        mut visit: impl FnMut(&mut Self, &str, Source) -> Result<()>,
    ) {
        self.for_each_whole_input(command, paths, |session, path, source| {
            if session.is_output(source)? {
                session.report_failure(format_args!("{command}: {path}: input file is output file"));
                return Ok(());
            }
            visit(session, path, source)
        });
    }

    /// As [`Session::for_each_input`], for a command that reads all of its input before it writes.
    pub(crate) fn for_each_whole_input(
        &mut self,
        command: &str,
        paths: &[&str],
        mut visit: impl FnMut(&mut Self, &str, Source) -> Result<()>,
    ) {
        let paths = if paths.is_empty() { &["-"] } else { paths };
        for path in paths {
            if *path == "-" && matches!(self.input, Input::Nothing) {
                self.report_failure(format_args!("{command}: nothing to read: name a file, or use < or |"));
                continue;
            }
            let result = self.open_source(path).and_then(|source| {
                let result = visit(self, path, source);
                self.close_source(source);
                result
            });
            if let Err(error) = result {
                self.fail(command, path, error);
            }
            if self.is_interrupted() {
                return;
            }
        }
    }

    /// Whether the output goes to the file that is read, which would then grow.
    fn is_output(&mut self, source: Source) -> Result<bool> {
        let output = self.output_file();
        match (self.file_of(source), output) {
            (Ok(input), Some(output)) => self.is_growing(input, output),
            _ => Ok(false),
        }
    }

    /// Whether both are the same regular file, and not all of it was read: it would grow while it is read.
    pub(crate) fn is_growing(&self, input: FileDescriptor, output: FileDescriptor) -> Result<bool> {
        let vfs = self.vfs();
        if !vfs.is_same_file(input, output)? {
            return Ok(false);
        }
        let metadata = vfs.metadata_of(input)?;
        Ok(metadata.kind == Kind::File && vfs.seek(input, SeekFrom::Current(0))? < metadata.size_bytes)
    }

    /// Reads the next piece into `piece`; `None` at the end, and when the command should end.
    pub(crate) fn next_piece<'a>(&mut self, source: Source, piece: &'a mut [u8]) -> Result<Option<&'a [u8]>> {
        if self.is_interrupted() {
            return Ok(None);
        }
        let count = match self.file_of(source) {
            Ok(file) => self.vfs().read(file, piece)?,
            Err(Some(pipe)) => pipe.read(piece),
            Err(None) => 0,
        };
        Ok(piece.get(..count).filter(|bytes| !bytes.is_empty()))
    }

    /// Gives back the last `count` bytes that were read, so that the next reader of the same input begins with them. POSIX
    /// asks for this of a command that ends before its input does (IEEE Std 1003.1-2017, XCU 1.4, input files). Bytes of
    /// a device cannot be given back.
    pub(crate) fn give_back(&mut self, source: Source, count: usize) -> Result<()> {
        let vfs = self.vfs();
        match self.file_of(source) {
            Ok(file) if count == 0 || vfs.metadata_of(file)?.kind == Kind::Device => Ok(()),
            Ok(file) => vfs.seek(file, SeekFrom::Current((count as i64).saturating_neg())).map(drop),
            Err(Some(pipe)) => {
                pipe.seek(pipe.position().saturating_sub(count as u64));
                Ok(())
            }
            Err(None) => Ok(()),
        }
    }

    /// Where the next piece starts.
    pub(crate) fn position(&mut self, source: Source) -> Result<u64> {
        let vfs = self.vfs();
        match self.file_of(source) {
            // Reading would give this error; that of `seek` is less clear.
            Ok(file) if vfs.metadata_of(file)?.kind == Kind::Directory => Err(Errno::EISDIR),
            Ok(file) => vfs.seek(file, SeekFrom::Current(0)),
            Err(pipe) => pipe.map(|pipe| pipe.position()).ok_or(Errno::EBADF),
        }
    }

    /// Sets where the next piece starts.
    pub(crate) fn seek(&mut self, source: Source, position: u64) -> Result<()> {
        match self.file_of(source) {
            Ok(file) => self.vfs().seek(file, SeekFrom::Start(position)).map(drop),
            Err(pipe) => pipe.map(|pipe| pipe.seek(position)).ok_or(Errno::EBADF),
        }
    }

    /// The file of a source; as an error, its pipe, or `None` if there is no input.
    pub(crate) fn file_of(
        &mut self,
        source: Source,
    ) -> core::result::Result<FileDescriptor, Option<&mut Pipe>> {
        match (source, &mut self.input) {
            (Source::File(file), _) => Ok(file),
            (Source::Standard, Input::File(file)) => Ok(*file),
            (Source::Standard, Input::Pipe(pipe)) => Err(Some(pipe)),
            (Source::Standard, Input::Nothing) => Err(None),
        }
    }
}
