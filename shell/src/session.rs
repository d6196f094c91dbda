//! A session: the input and output of the commands, the files, the current directory and the exit status.
//!
//! Commands read and write through a session and need not know whether that is the console, a file or a pipe. Output to
//! a file or a pipe is buffered, so that a control file gets its command in one write. Error messages always go to the
//! console.

use core::fmt::{self, Write};
use core::mem;

use vfs::{Errno, FileDescriptor, OpenFlags, PathBuffer, Result, Vfs};

use crate::command::{Command, find};
use crate::gathered::Gathered;
use crate::host::Host;
use crate::nearest::Suggestion;
use crate::options::{Options, Request};
use crate::pipe::Pipe;
use crate::shown::Shown;
use crate::source::PIECE_BYTES;

/// Exit status of a command that failed.
pub(crate) const FAILED: u8 = 1;
/// Exit status of a command that was used wrongly.
pub(crate) const MISUSED: u8 = 2;
/// Exit status of a command that does not exist.
pub(crate) const NOT_FOUND: u8 = 127;

/// Where a command's input comes from.
pub(crate) enum Input {
    /// From nowhere: what is typed meanwhile belongs to the next line.
    Nothing,
    /// A file.
    File(FileDescriptor),
    /// The previous stage's output.
    Pipe(Pipe),
}

/// Where a command's output goes.
pub(crate) enum Output {
    /// To the console.
    Console,
    /// To a file.
    File(FileDescriptor),
    /// To the next stage.
    Pipe(Pipe),
    /// It is dropped.
    Nowhere,
}

/// A session of the shell, through which commands access console and files.
pub struct Session {
    pub(crate) host: &'static dyn Host,
    /// Tables of commands; the first one that has a name wins.
    commands: &'static [&'static [Command]],
    /// The directory that relative paths start in.
    pub(crate) cwd: PathBuffer,
    /// The previous current directory; empty if there was none.
    pub(crate) previous_cwd: PathBuffer,
    pub(crate) input: Input,
    output: Output,
    gathered: Gathered,
    /// Why the output takes no more bytes.
    output_error: Option<Errno>,
    /// Whether a part of the output to a pipe was lost.
    pub(crate) is_pipe_cut: bool,
    /// Whether error messages are dropped.
    is_muted: bool,
    /// The exit status of the current command so far.
    pub(crate) status: u8,
}

impl Session {
    /// A session on the host's console, in the root directory, with the commands of these tables.
    pub fn new(host: &'static dyn Host, commands: &'static [&'static [Command]]) -> Self {
        let mut cwd = PathBuffer::new();
        // There is room for one character.
        let _ = cwd.try_push('/');
        Self {
            host,
            commands,
            cwd,
            previous_cwd: PathBuffer::new(),
            input: Input::Nothing,
            output: Output::Console,
            gathered: Gathered::new(),
            output_error: None,
            is_pipe_cut: false,
            is_muted: false,
            status: 0,
        }
    }

    /// All commands, table by table.
    pub fn commands(&self) -> impl Iterator<Item = &'static Command> + Clone + use<> {
        self.commands.iter().copied().flatten()
    }

    /// The command of a name.
    pub fn command(&self, name: &str) -> Option<&'static Command> {
        self.commands.iter().find_map(|table| find(table, name))
    }

    /// The host's files.
    pub(crate) fn vfs(&self) -> &'static Vfs {
        self.host.files()
    }

    /// Writes formatted text.
    pub fn print(&mut self, text: fmt::Arguments<'_>) {
        if self.is_on_console() {
            // The host keeps lines whole.
            self.host.write(text);
        } else {
            // An error is kept in `output_error`.
            let _ = self.write_fmt(text);
        }
    }

    /// Writes bytes.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        if self.is_on_console() {
            return self.host.write_bytes(bytes);
        }
        if self.output_error.is_none() {
            let (files, output) = (self.host.files(), &mut self.output);
            self.output_error = self.gathered.add(bytes, |bytes| write_to(output, files, bytes)).err();
        }
    }

    /// Writes what is buffered. The first error is kept, and later output is dropped.
    pub fn flush(&mut self) {
        if self.output_error.is_none() {
            let (files, output) = (self.host.files(), &mut self.output);
            self.output_error = self.gathered.finish(|bytes| write_to(output, files, bytes)).err();
        }
        self.gathered.clear();
    }

    /// Writes the buffered rest of a command's output, and reports the first error; the message calls the output `sink`.
    pub fn finish_output(&mut self, sink: &str) {
        self.flush();
        let Some(error) = self.output_error.take() else { return };
        if let Output::Pipe(_) = self.output {
            self.is_pipe_cut = true;
        }
        self.fail("shell", sink, error);
    }

    /// The output file, if the output goes to one.
    pub(crate) fn output_file(&self) -> Option<FileDescriptor> {
        match self.output {
            Output::File(file) => Some(file),
            Output::Console | Output::Pipe(_) | Output::Nowhere => None,
        }
    }

    /// Replaces the output, and returns the previous one. The buffer must be empty.
    pub(crate) fn swap_output(&mut self, output: Output) -> Output {
        mem::replace(&mut self.output, output)
    }

    /// Runs `work` with its output going to a file, which is made or emptied first.
    ///
    /// # Errors
    ///
    /// Those of opening, writing and closing the file.
    pub fn with_output_to<T>(&mut self, path: &str, work: impl FnOnce(&mut Self) -> T) -> Result<T> {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let file = self.vfs().open(&self.cwd, path, flags)?;
        self.flush();
        let outer_error = self.output_error.take();
        let outer = self.swap_output(Output::File(file));
        let result = work(self);
        self.flush();
        self.swap_output(outer);
        let error = mem::replace(&mut self.output_error, outer_error);
        self.vfs().close(file)?;
        error.map_or(Ok(result), Err)
    }

    /// Whether there is a file with this path.
    pub fn has_file(&self, path: &str) -> bool {
        self.vfs().metadata(&self.cwd, path).is_ok()
    }

    /// Runs `work` with all output dropped, error messages included.
    pub fn without_output<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.swap_output(Output::Nowhere);
        let was_muted = mem::replace(&mut self.is_muted, true);
        let result = work(self);
        self.is_muted = was_muted;
        self.swap_output(outer);
        result
    }

    /// Runs `work` with error messages dropped.
    pub(crate) fn without_messages<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let was_muted = mem::replace(&mut self.is_muted, true);
        let result = work(self);
        self.is_muted = was_muted;
        result
    }

    /// Whether output goes to the console, where it may have colours.
    pub fn is_on_console(&self) -> bool {
        matches!(self.output, Output::Console)
    }

    /// Reports an error in one line on the console. The command counts as failed.
    pub fn report_failure(&mut self, text: fmt::Arguments<'_>) {
        self.status = self.status.max(FAILED);
        if !self.is_muted {
            // Names in the text may contain control characters.
            self.host.write(format_args!("{}\n", Shown::on_console(text)));
        }
    }

    /// Reports that a command failed at `what`. Where that looks like a file name pattern, a hint is added.
    pub fn fail(&mut self, command: &str, what: &str, error: Errno) {
        let is_like_pattern = error == Errno::ENOENT && what.contains(['?', '[']);
        let hint = if is_like_pattern { "; file name patterns are not supported" } else { "" };
        self.report_failure(format_args!("{command}: {what}: {error}{hint}"));
    }

    /// Reports wrong usage: shows how the command is used.
    pub fn show_usage(&mut self, command: &Command) {
        self.report_failure(format_args!("usage: {}", command.usage));
        self.status = MISUSED;
    }

    /// Writes how a command is used and what it does.
    pub(crate) fn explain(&mut self, command: &Command) {
        self.print(format_args!("{}: {}\n", command.usage, command.summary));
    }

    /// A name as it is shown: control characters are escaped on the console only.
    pub(crate) fn shown<'a>(&self, name: &'a str) -> Shown<&'a str> {
        Shown::new(name, self.is_on_console())
    }

    /// Runs a command with its arguments, if it accepts them. Its output may still be buffered afterwards.
    pub(crate) fn run_command(&mut self, command: &Command, words: &[&str]) {
        if let Some(options) = self.checked_options(command, words) {
            self.host.run_command(command.run, self, &options);
        }
    }

    /// The parsed arguments of a command. `None` if it must not run: it was explained, or the arguments are wrong.
    fn checked_options<'a>(&mut self, command: &Command, words: &[&'a str]) -> Option<Options<'a>> {
        match Options::parse(words, &command.syntax) {
            Ok(Request::Run(options)) => return Some(options),
            Ok(Request::Help) => self.explain(command),
            Err(_) => self.show_usage(command),
        }
        None
    }

    /// Runs the subcommand of `parent` that the first word names; `tables` has all of them.
    pub fn run_subcommand(&mut self, parent: &Command, tables: &[&[Command]], words: &[&str]) {
        let Some((name, rest)) = words.split_first() else { return self.show_usage(parent) };
        if let Some(command) = tables.iter().find_map(|table| find(table, name)) {
            if let Some(options) = self.checked_options(command, rest) {
                self.host.run_command(command.run, self, &options);
            }
        } else {
            let names = tables.iter().copied().flatten().map(|command| command.name);
            self.report_no_subcommand(parent, name, names);
        }
    }

    /// Reports that `parent` has no subcommand `name`; `names` are the existing ones.
    pub fn report_no_subcommand<'n>(
        &mut self,
        parent: &Command,
        name: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        let parent = parent.name;
        self.report_failure(format_args!(
            "{parent}: {}: no such subcommand{}",
            name,
            Suggestion::new(name, names, format_args!("try {parent} --help"))
        ));
        self.status = MISUSED;
    }

    /// Sets whether the current command counts as failed, for `&&` and `||`.
    pub fn set_failed(&mut self, has_failed: bool) {
        self.status = if has_failed { FAILED } else { 0 };
    }

    /// Whether the current command has failed so far.
    pub fn has_failed(&self) -> bool {
        self.status != 0
    }

    /// Writes the prompt.
    pub(crate) fn prompt(&self) {
        self.host.write(format_args!("\x1b[1mtally:{}#\x1b[0m ", Shown::on_console(&self.cwd)));
    }

    /// Whether the command should end: Ctrl-C was typed, or its output has failed.
    pub fn is_interrupted(&self) -> bool {
        self.host.is_interrupted() || self.output_error.is_some()
    }

    /// Opens a file or directory to read it.
    pub(crate) fn open(&self, path: &str) -> Result<FileDescriptor> {
        self.vfs().open(&self.cwd, path, OpenFlags::READ)
    }

    /// Passes the contents of the file at `path` to `visit`, piece by piece, until Ctrl-C.
    ///
    /// # Errors
    ///
    /// Those of opening and reading a file.
    pub fn read(&mut self, path: &str, mut visit: impl FnMut(&mut Self, &[u8])) -> Result<()> {
        let file = self.open(path)?;
        let mut piece = [0; PIECE_BYTES];
        let result = loop {
            match self.vfs().read(file, &mut piece) {
                Ok(0) => break Ok(()),
                Ok(count) => visit(self, piece.get(..count).unwrap_or_default()),
                Err(error) => break Err(error),
            }
            if self.is_interrupted() {
                break Ok(());
            }
        };
        self.vfs().close(file)?;
        result
    }
}

impl Write for Session {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_bytes(text.as_bytes());
        Ok(())
    }
}

fn write_to(output: &mut Output, files: &Vfs, bytes: &[u8]) -> Result<()> {
    match output {
        Output::Console | Output::Nowhere => Ok(()),
        Output::File(file) => write_all(files, *file, bytes),
        Output::Pipe(pipe) => pipe.push(bytes).map_err(|_| Errno::ENOMEM),
    }
}

/// Writes all of the bytes to a file.
pub(crate) fn write_all(vfs: &Vfs, file: FileDescriptor, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let count = vfs.write(file, bytes)?;
        if count == 0 {
            return Err(Errno::EIO);
        }
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}
