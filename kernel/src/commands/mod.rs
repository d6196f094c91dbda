//! The shell's commands: one short source file each, in one table.

#[cfg(feature = "lab")]
mod bench;
#[cfg(feature = "lab")]
mod bug;
mod cat;
mod cd;
mod clear;
mod copy;
mod cp;
mod df;
mod diff;
mod dmesg;
mod echo;
mod execute;
mod fail;
mod free;
mod grep;
mod guard;
mod head;
mod help;
mod hexdump;
mod leaks;
mod listed;
mod ln;
mod ls;
mod memstat;
mod mkdir;
mod mount;
mod mv;
mod paths;
mod poweroff;
mod pwd;
mod reboot;
mod rm;
mod rmdir;
#[cfg(feature = "lab")]
mod selftest;
mod session;
mod sort;
mod source;
mod stat;
mod tail;
mod tee;
mod touch;
mod uptime;
mod wc;

use shell::{Command, Event, Line, LineEditor};
use spin::Mutex;

pub(crate) use session::Session;

use crate::console::{self, input};

static TABLE: &[Command<Session>] = &[
    #[cfg(feature = "lab")]
    bench::COMMAND,
    #[cfg(feature = "lab")]
    bug::COMMAND,
    cat::COMMAND,
    cd::COMMAND,
    clear::COMMAND,
    cp::COMMAND,
    df::COMMAND,
    diff::COMMAND,
    dmesg::COMMAND,
    echo::COMMAND,
    fail::COMMAND,
    free::COMMAND,
    grep::COMMAND,
    guard::COMMAND,
    head::COMMAND,
    help::COMMAND,
    hexdump::COMMAND,
    leaks::COMMAND,
    ln::COMMAND,
    ls::COMMAND,
    memstat::COMMAND,
    mkdir::COMMAND,
    mount::COMMAND,
    mv::COMMAND,
    poweroff::COMMAND,
    pwd::COMMAND,
    reboot::COMMAND,
    rm::COMMAND,
    rmdir::COMMAND,
    #[cfg(feature = "lab")]
    selftest::COMMAND,
    sort::COMMAND,
    stat::COMMAND,
    tail::COMMAND,
    tee::COMMAND,
    touch::COMMAND,
    uptime::COMMAND,
    wc::COMMAND,
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
static LINE: Mutex<Line> = Mutex::new(Line::new());

/// Reads lines and runs them, for ever. `wait` returns the next byte that is typed.
pub(crate) fn run_shell(mut wait: impl FnMut() -> u8) -> ! {
    let mut session = Session::new();
    let mut known_dropped = 0;
    let (mut editor, mut line) = (EDITOR.lock(), LINE.lock());
    session.prompt();
    loop {
        let byte = wait();
        // The console takes everything.
        match editor.feed(byte, &mut console::Writer).unwrap_or(Event::None) {
            Event::None => {}
            Event::Line => {
                run_line(&mut session, &mut line, editor.line());
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

/// Parses a line and runs it, or says why nothing of it can be run.
fn run_line(session: &mut Session, line: &mut Line, text: &str) {
    match line.parse(text) {
        Ok(()) => execute::run_line(session, line),
        Err(error) => session.complain(format_args!("shell: {error}")),
    }
}
