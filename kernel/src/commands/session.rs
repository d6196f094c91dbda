//! What a command works with: the way to the screen, the files, and the directory it is in.

use core::fmt;

use vfs::{Errno, FileDescriptor, OpenFlags, PathBuffer, Result, Vfs};

use crate::console::{self, input};
use crate::kernel::VFS;

/// One user of the shell. Commands reach console and files through it, wherever those are.
#[derive(Debug)]
pub(crate) struct Session {
    /// The directory that relative paths start in.
    pub(super) cwd: PathBuffer,
}

#[expect(
    clippy::unused_self,
    reason = "commands need not know that console and files are the kernel's only ones"
)]
impl Session {
    /// A session at the root.
    pub(super) fn new() -> Self {
        let mut cwd = PathBuffer::new();
        cwd.push('/');
        Self { cwd }
    }

    /// The files.
    pub(super) fn vfs(&self) -> &'static Vfs {
        &VFS
    }

    /// Writes formatted text.
    pub(super) fn print(&mut self, text: fmt::Arguments<'_>) {
        console::write(text);
    }

    /// Says that a command failed, in one line.
    pub(super) fn fail(&mut self, command: &str, what: &str, error: Errno) {
        self.print(format_args!("{command}: {}: {error}\n", what.escape_debug()));
    }

    /// Writes the prompt.
    pub(super) fn prompt(&mut self) {
        console::write(format_args!("\x1b[1mtally:{}#\x1b[0m ", self.cwd));
    }

    /// Whether Ctrl-C was typed while the command ran.
    pub(super) fn is_interrupted(&self) -> bool {
        input::is_interrupted()
    }

    /// Opens a file or directory to read it.
    pub(super) fn open(&self, path: &str) -> Result<FileDescriptor> {
        VFS.open(&self.cwd, path, OpenFlags::READ)
    }

    /// Hands the contents of the file at `path` to `visit`, piece by piece, until Ctrl-C.
    pub(super) fn read(&mut self, path: &str, mut visit: impl FnMut(&mut Self, &[u8])) -> Result<()> {
        const PIECE_BYTES: usize = 1024;
        let file = self.open(path)?;
        let mut piece = [0; PIECE_BYTES];
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
