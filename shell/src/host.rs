//! What the shell needs from the machine it runs on: a console, files, and memory that is not the heap's.
//!
//! The kernel implements the trait, and so do the tests. The crate uses nothing else from outside.

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

    /// Contiguous memory, for tables that a command sorts or compares.
    fn buffers(&self) -> &dyn Buffers;

    /// Single pages, for data in pipes.
    fn pages(&self) -> &dyn Pages;

    /// Writes formatted text to the console; each line stays whole.
    fn write(&self, text: fmt::Arguments<'_>);

    /// Writes bytes to the console.
    fn write_bytes(&self, bytes: &[u8]);

    /// Whether Ctrl-C was typed since the last [`Host::clear_interrupt`].
    fn is_interrupted(&self) -> bool;

    /// Clears the state that [`Host::is_interrupted`] reports; called before a line runs.
    fn clear_interrupt(&self);

    /// Total number of typed bytes that were dropped because they came too fast.
    fn dropped_bytes(&self) -> u64;

    /// Called before each pipeline. A host that scans its stack for references can clear the unused part here.
    fn before_pipeline(&self) {}

    /// Runs the function of a command or subcommand. A host that shows call stacks can end them here, as the callers
    /// are the same for all commands.
    fn run_command(&self, run: fn(&mut Session, &Options<'_>), session: &mut Session, options: &Options<'_>) {
        run(session, options);
    }

    /// Lines that `help` adds below the list of commands.
    fn hints(&self) -> &'static str {
        ""
    }
}
