//! The commands that know this kernel: one short source file each, in the table that the shell is given.
//!
//! Those on text and files are the crate `shell`'s; [`host`] is what it reaches of this machine.

mod allocs;
mod blocks;
mod dmesg;
mod export;
mod fail;
mod guard;
mod host;
#[cfg_attr(not(feature = "lab"), path = "no_lab.rs")]
mod lab;
mod leaks;
mod memstat;
mod poweroff;
mod reboot;
mod references;
mod whatis;
mod words;

use shell::{COMMANDS, Command, Line, LineEditor, Session, Shell};
use spin::Mutex;

use host::Machine;

/// What a person needs who uses this kernel.
static PRODUCT: &[Command] = &[
    allocs::COMMAND,
    dmesg::COMMAND,
    export::COMMAND,
    fail::COMMAND,
    guard::COMMAND,
    leaks::COMMAND,
    memstat::COMMAND,
    poweroff::COMMAND,
    reboot::COMMAND,
    whatis::COMMAND,
];

static TABLES: &[&[Command]] = &[COMMANDS, PRODUCT, blocks::COMMANDS, references::COMMANDS, lab::COMMANDS];

/// Too large for the stack.
static EDITOR: Mutex<LineEditor> = Mutex::new(LineEditor::new());
static LINE: Mutex<Line> = Mutex::new(Line::new());

/// Reads lines and runs them, for ever. `wait` returns the next byte that is typed.
///
/// Never a part of its caller, which clears the stack that this frame comes to lie on.
#[inline(never)]
pub(crate) fn run_shell(mut wait: impl FnMut() -> u8) -> ! {
    let (mut editor, mut line) = (EDITOR.lock(), LINE.lock());
    let session = Session::new(&Machine, TABLES);
    let mut shell = Shell::start(session, &mut editor, &mut line);
    loop {
        shell.feed(wait());
    }
}
