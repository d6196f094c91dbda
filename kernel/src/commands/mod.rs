//! The shell's commands: one short source file each, in one table.

mod bench;
mod bug;
mod cat;
mod cd;
mod clear;
mod dmesg;
mod echo;
mod free;
mod guard;
mod help;
mod ls;
mod memstat;
mod poweroff;
mod pwd;
mod reboot;
mod selftest;
mod session;
mod uptime;

use shell::{Command, Event, LineEditor, Parser, Words};
use spin::Mutex;

pub(crate) use session::Session;

use crate::console::{self, input};

static TABLE: [Command<Session>; 18] = [
    bench::COMMAND,
    bug::COMMAND,
    cat::COMMAND,
    cd::COMMAND,
    clear::COMMAND,
    dmesg::COMMAND,
    echo::COMMAND,
    free::COMMAND,
    guard::COMMAND,
    help::COMMAND,
    ls::COMMAND,
    memstat::COMMAND,
    poweroff::COMMAND,
    pwd::COMMAND,
    reboot::COMMAND,
    selftest::COMMAND,
    uptime::COMMAND,
    EXIT,
];

/// There is no shell above this one to return to.
const EXIT: Command<Session> = Command {
    name: "exit",
    usage: "exit",
    summary: "say how to leave",
    run: |session, _| session.print(format_args!("type poweroff or reboot to leave\n")),
};

/// Too large for the stack.
static EDITOR: Mutex<LineEditor> = Mutex::new(LineEditor::new());

/// Reads lines and runs them, for ever. `wait` returns the next byte that is typed.
pub(crate) fn run_shell(mut wait: impl FnMut() -> u8) -> ! {
    let mut session = Session::new();
    let mut known_dropped = 0;
    let mut editor = EDITOR.lock();
    session.prompt();
    loop {
        let byte = wait();
        // The console takes everything.
        match editor.feed(byte, &mut console::Writer).unwrap_or(Event::None) {
            Event::None => {}
            Event::Line => {
                run_line(&mut session, editor.line());
                let dropped = input::dropped();
                if dropped > known_dropped {
                    log::warn!("input: {} bytes came too fast and were dropped", dropped - known_dropped);
                    known_dropped = dropped;
                }
                session.prompt();
            }
            Event::TooLong { typed_bytes } => {
                let limit = shell::MOST_LINE_BYTES;
                session.print(format_args!(
                    "line too long ({typed_bytes} bytes, limit {limit}); nothing was run\n"
                ));
                session.prompt();
            }
            Event::Interrupt => session.prompt(),
            Event::Clear => {
                session.prompt();
                let _ = editor.redraw(&mut console::Writer);
            }
        }
    }
}

/// Runs the commands of a line one after the other, until Ctrl-C.
fn run_line(session: &mut Session, line: &str) {
    let mut parser = Parser::new(line);
    let mut words = Words::default();
    input::clear_interrupt();
    loop {
        match parser.next_command(&mut words) {
            Ok(false) => return,
            Ok(true) => run_command(session, &words.as_slices()),
            Err(error) => return session.print(format_args!("shell: {error}\n")),
        }
        if session.is_interrupted() {
            return;
        }
    }
}

fn run_command(session: &mut Session, words: &[&str]) {
    let Some((name, arguments)) = words.split_first() else { return };
    match shell::find(&TABLE, name) {
        Some(command) => (command.run)(session, arguments),
        None => session.print(format_args!("{}: command not found; try help\n", name.escape_debug())),
    }
}
