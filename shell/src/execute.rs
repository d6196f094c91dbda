//! Runs a line: its pipelines one after the other, and the stages of each one after the other.
//!
//! There are no tasks, so each stage ends before the next one begins; its output waits in the pages of a pipe. Ctrl-C
//! ends the whole line.

use core::mem;

use vfs::{FileDescriptor, OpenFlags};

use crate::nearest::Suggestion;
use crate::parser::{Line, Operator};
use crate::pipe::Pipe;
use crate::session::{Input, NOT_FOUND, Output, Session};
use crate::tree::{Condition, List, Pipeline, Stage};

impl Session {
    /// Runs all of a line.
    pub fn run_line(&mut self, line: &Line) {
        self.host.clear_interrupt();
        run_list(self, line.list(), "console");
    }

    /// Runs a line inside a command, which must have flushed its own output before.
    pub fn run_inner_line(&mut self, line: &Line) {
        let has_succeeded = run_list(self, line.list(), "output");
        self.set_failed(!has_succeeded);
    }

    /// Runs the command that the first word names. Its output may still be buffered afterwards.
    pub fn run_words(&mut self, words: &[&str]) {
        self.status = 0;
        if let Some((name, arguments)) = words.split_first() {
            match self.command(name) {
                Some(command) => self.run_command(command, arguments),
                None => self.report_unknown_command(name),
            }
        }
    }

    fn report_unknown_command(&mut self, name: &str) {
        let suggestion = Suggestion::new(name, self.commands().map(|command| command.name), "try help");
        self.report_failure(format_args!("{name}: command not found{suggestion}"));
        self.status = NOT_FOUND;
    }
}

/// Runs a list; messages call its output `sink`. True if the last pipeline that ran succeeded.
fn run_list(session: &mut Session, list: List<'_>, sink: &str) -> bool {
    let mut has_succeeded = true;
    for (condition, pipeline) in list {
        let is_wanted = match condition {
            Condition::Always => true,
            Condition::Succeeded => has_succeeded,
            Condition::Failed => !has_succeeded,
        };
        if is_wanted {
            has_succeeded = run_pipeline(session, pipeline, sink);
        }
        if session.is_pipe_cut || session.host.is_interrupted() {
            return false;
        }
    }
    has_succeeded
}

fn run_pipeline(session: &mut Session, mut pipeline: Pipeline<'_>, sink: &str) -> bool {
    session.host.before_pipeline();
    let mut before: Option<Pipe> = None;
    let mut has_succeeded = true;
    while let Some(stage) = pipeline.next() {
        let outer_input = before.take().map(|pipe| mem::replace(&mut session.input, Input::Pipe(pipe)));
        let mut is_cut = false;
        if pipeline.is_at_end() {
            has_succeeded = run_stage(session, &stage, sink);
        } else {
            let outer = session.swap_output(Output::Pipe(Pipe::new(session.host.pages())));
            run_stage(session, &stage, "pipe");
            is_cut = mem::take(&mut session.is_pipe_cut);
            if let Output::Pipe(pipe) = session.swap_output(outer) {
                before = Some(pipe);
            }
        }
        if let Some(outer) = outer_input {
            session.input = outer;
        }
        // With only a part of its input, the next stage would give a wrong answer.
        if is_cut || session.host.is_interrupted() {
            return false;
        }
    }
    has_succeeded
}

/// The files of a stage's redirections.
#[derive(Clone, Copy)]
struct Files<'a> {
    input: Option<FileDescriptor>,
    output: Option<(FileDescriptor, &'a str)>,
}

fn run_stage(session: &mut Session, stage: &Stage<'_>, sink: &str) -> bool {
    let Some(files) = open_files(session, stage) else { return false };
    let outer_input = files.input.map(|file| mem::replace(&mut session.input, Input::File(file)));
    let outer_output = files.output.map(|(file, _)| session.swap_output(Output::File(file)));
    let sink = files.output.map_or(sink, |(_, path)| path);

    let mut has_succeeded = match stage.group() {
        None => run_command(session, stage, sink),
        Some(list) => run_group(session, list, sink),
    };

    if let Some(outer) = outer_input {
        session.input = outer;
    }
    if let Some(outer) = outer_output {
        session.swap_output(outer);
    }
    has_succeeded &= close_files(session, files);
    has_succeeded
}

/// Opens the files of the redirections, in order. `None` if one fails; none is left open then.
fn open_files<'a>(session: &mut Session, stage: &Stage<'a>) -> Option<Files<'a>> {
    const MAKE: OpenFlags = OpenFlags::WRITE.union(OpenFlags::CREATE);
    let mut files = Files { input: None, output: None };
    for redirection in stage.redirections() {
        let path = redirection.path;
        let flags = match redirection.operator {
            Operator::Write => MAKE.union(OpenFlags::TRUNCATE),
            Operator::Append => MAKE.union(OpenFlags::APPEND),
            _ => OpenFlags::READ,
        };
        let file = match session.vfs().open(&session.cwd, path, flags) {
            Ok(file) => file,
            Err(error) => {
                session.fail("shell", path, error);
                close_files(session, files);
                return None;
            }
        };
        // The last one counts; earlier ones are still opened, and created, as in POSIX.
        let earlier = if flags == OpenFlags::READ {
            Files { input: files.input.replace(file), output: None }
        } else {
            Files { input: None, output: files.output.replace((file, path)) }
        };
        close_files(session, earlier);
    }
    Some(files)
}

/// Closes the files. A control file reports an error in a last line without a newline only now.
fn close_files(session: &mut Session, files: Files<'_>) -> bool {
    if let Some(file) = files.input {
        // A file that was only read has nothing left to do.
        let _ = session.vfs().close(file);
    }
    let Some((file, path)) = files.output else { return true };
    let closed = session.vfs().close(file);
    if let Err(error) = closed {
        session.fail("shell", path, error);
    }
    closed.is_ok()
}

/// Runs a group like a subshell: changes of the current directory end with it.
fn run_group(session: &mut Session, list: List<'_>, sink: &str) -> bool {
    let directories = (session.cwd, session.previous_cwd);
    let has_succeeded = run_list(session, list, sink);
    (session.cwd, session.previous_cwd) = directories;
    has_succeeded
}

// Not inlined: only the words of the innermost command should take stack, not a copy in each enclosing group.
#[inline(never)]
fn run_command(session: &mut Session, stage: &Stage<'_>, sink: &str) -> bool {
    session.run_words(&stage.words());
    session.finish_output(sink);
    !session.has_failed()
}
