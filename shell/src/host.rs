//! What the shell asks of the machine it runs on: a console, files, and memory apart from the heap.
//!
//! The kernel has one host, the tests have another. Nothing else in this crate reaches outside of it.

use core::fmt;

use vfs::{Buffers, Pages, Vfs};

use crate::options::Options;
use crate::session::Session;

/// A machine with a console and files.
///
/// Its memory is not the heap's: what a command takes while it runs must not change the figures that it shows.
pub trait Host: Sync {
    /// All files.
    fn files(&self) -> &Vfs;

    /// Memory in one piece, for tables that a command sorts or compares.
    fn buffers(&self) -> &dyn Buffers;

    /// Single pages, for what flows through a pipe.
    fn pages(&self) -> &dyn Pages;

    /// Writes formatted text to the console; each line stays whole.
    fn write(&self, text: fmt::Arguments<'_>);

    /// Writes bytes to the console.
    fn write_bytes(&self, bytes: &[u8]);

    /// Whether Ctrl-C was typed since the last [`Host::clear_interrupt`].
    fn is_interrupted(&self) -> bool;

    /// Forgets a Ctrl-C, before a line runs.
    fn clear_interrupt(&self);

    /// Bytes that were typed and lost so far, because they came too fast.
    fn dropped_bytes(&self) -> u64;

    /// Called before each pipeline: a host that looks for references on its stack can clear what is unused.
    fn before_pipeline(&self) {}

    /// Runs the function of a command, or of a subcommand inside of that. A host that shows call stacks can end them
    /// here: what called this is the same for all commands.
    fn run_command(&self, run: fn(&mut Session, &Options<'_>), session: &mut Session, options: &Options<'_>) {
        run(session, options);
    }

    /// What `help` says beneath the list of commands: lines about this machine.
    fn hints(&self) -> &'static str {
        ""
    }
}
