//! What a command works with: its input and output, the files, and the directory it is in.
//!
//! Commands read and write through a session and need not know whether that is the console, a file or a
//! pipe. What goes to a file or a pipe is gathered first, so that a control file gets its command in one
//! write. Messages of failure always go to the console.

use core::fmt::{self, Write};

use arrayvec::ArrayVec;
use shell::Command;
use vfs::{Errno, FileDescriptor, OpenFlags, PathBuffer, Result, Vfs};

use crate::console::{self, input};
use crate::fs::VFS;
use crate::memory::Pipe;

/// What is gathered before it goes to a file or a pipe.
const GATHERED_BYTES: usize = 2048;

/// Where a command's input comes from.
#[derive(Debug)]
pub(super) enum Input {
    /// Nowhere: what is typed meanwhile is for the next line.
    Nothing,
    /// A file.
    File(FileDescriptor),
    /// The stage before.
    Pipe(Pipe),
}

/// Where a command's output goes.
#[derive(Debug)]
pub(super) enum Output {
    /// To the console.
    Console,
    /// To a file.
    File(FileDescriptor),
    /// To the next stage.
    Pipe(Pipe),
    /// Away.
    Nowhere,
}

/// One user of the shell. Commands reach console and files through it, wherever those are.
#[derive(Debug)]
pub(crate) struct Session {
    /// The directory that relative paths start in.
    pub(super) cwd: PathBuffer,
    pub(super) input: Input,
    output: Output,
    gathered: ArrayVec<u8, GATHERED_BYTES>,
    /// Why the output does not take any more.
    output_error: Option<Errno>,
    /// Whether a pipe did not get all that was written to it.
    pub(super) is_pipe_cut: bool,
    /// Whether complaints are kept from the console.
    pub(super) is_muted: bool,
    /// Whether the command that runs has failed so far.
    pub(super) has_failed: bool,
}

impl Session {
    /// A session at the root, on the console.
    pub(super) fn new() -> Self {
        let mut cwd = PathBuffer::new();
        cwd.push('/');
        Self {
            cwd,
            input: Input::Nothing,
            output: Output::Console,
            gathered: ArrayVec::new(),
            output_error: None,
            is_pipe_cut: false,
            is_muted: false,
            has_failed: false,
        }
    }

    /// The files.
    #[expect(
        clippy::unused_self,
        reason = "commands need not know that the files are the kernel's only ones"
    )]
    pub(super) fn vfs(&self) -> &'static Vfs {
        &VFS
    }

    /// Writes formatted text.
    pub(super) fn print(&mut self, text: fmt::Arguments<'_>) {
        if self.is_on_console() {
            // Its lines stay whole.
            console::write(text);
        } else {
            // The writer keeps its errors itself.
            let _ = self.write_fmt(text);
        }
    }

    /// Writes bytes.
    pub(super) fn write_bytes(&mut self, mut bytes: &[u8]) {
        if self.is_on_console() {
            return console::write_bytes(bytes);
        }
        while !bytes.is_empty() && self.output_error.is_none() {
            let room = self.gathered.remaining_capacity().min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or_default();
            // As many as there is room for.
            let _ = self.gathered.try_extend_from_slice(now);
            bytes = later;
            if self.gathered.is_full() {
                self.flush();
            }
        }
    }

    /// Hands on what was gathered. The first error is kept, and nothing is taken any more.
    fn flush(&mut self) {
        let bytes = &self.gathered[..];
        if self.output_error.is_none() && !bytes.is_empty() {
            let written = match &mut self.output {
                Output::Console | Output::Nowhere => Ok(()),
                Output::File(file) => write_all(*file, bytes),
                Output::Pipe(pipe) => pipe.push(bytes).map_err(|_| Errno::ENOMEM),
            };
            self.output_error = written.err();
        }
        self.gathered.clear();
    }

    /// Hands on what the command wrote, to what is called `sink`, and tells if that failed.
    pub(super) fn finish_output(&mut self, sink: &str) {
        self.flush();
        let Some(error) = self.output_error.take() else { return };
        if let Output::Pipe(_) = self.output {
            self.is_pipe_cut = true;
        }
        self.fail("shell", sink, error);
    }

    /// Puts another output in place. Nothing may be left of what the last one should get.
    pub(super) fn swap_output(&mut self, output: Output) -> Output {
        core::mem::replace(&mut self.output, output)
    }

    /// Whether output goes to the console: then it may have colours.
    pub(super) fn is_on_console(&self) -> bool {
        matches!(self.output, Output::Console)
    }

    /// Says on the console that something failed, in one line.
    pub(super) fn complain(&mut self, text: fmt::Arguments<'_>) {
        self.has_failed = true;
        if !self.is_muted {
            console::write(format_args!("{text}\n"));
        }
    }

    /// Says that a command failed at something.
    pub(super) fn fail(&mut self, command: &str, what: &str, error: Errno) {
        self.complain(format_args!("{command}: {}: {error}", what.escape_debug()));
    }

    /// Says how a command is used.
    pub(super) fn show_usage(&mut self, command: &Command<Self>) {
        self.complain(format_args!("usage: {}", command.usage));
    }

    /// Writes the prompt.
    pub(super) fn prompt(&mut self) {
        console::write(format_args!("\x1b[1mtally:{}#\x1b[0m ", self.cwd));
    }

    /// Whether the command should end: Ctrl-C was typed, or its output takes no more.
    pub(super) fn is_interrupted(&self) -> bool {
        input::is_interrupted() || self.output_error.is_some()
    }

    /// Opens a file or directory to read it.
    pub(super) fn open(&self, path: &str) -> Result<FileDescriptor> {
        VFS.open(&self.cwd, path, OpenFlags::READ)
    }

    /// Hands the contents of the file at `path` to `visit`, piece by piece, until Ctrl-C.
    pub(super) fn read(&mut self, path: &str, mut visit: impl FnMut(&mut Self, &[u8])) -> Result<()> {
        let file = self.open(path)?;
        let mut piece = [0; super::source::PIECE_BYTES];
        let result = loop {
            match VFS.read(file, &mut piece) {
                Ok(0) => break Ok(()),
                Ok(count) => visit(self, piece.get(..count).unwrap_or_default()),
                Err(error) => break Err(error),
            }
            if self.is_interrupted() {
                break Ok(());
            }
        };
        VFS.close(file)?;
        result
    }
}

impl Write for Session {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_bytes(text.as_bytes());
        Ok(())
    }
}

/// Writes all of the bytes to a file.
pub(super) fn write_all(file: FileDescriptor, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let count = VFS.write(file, bytes)?;
        if count == 0 {
            return Err(Errno::EIO);
        }
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}
