//! What the shell reaches of this machine: the console, the files, and pages apart from the heap.

use core::fmt;

use shell::{Host, Options, Session};
use vfs::{Buffers, Pages, Vfs};

use crate::arch::{stack_end, stacks};
use crate::console::{self, input};
use crate::fs::VFS;
use crate::memory::pages::buffers::PageBuffers;
use crate::memory::pages::files::PipePages;

/// This machine.
pub(super) struct Machine;

impl Host for Machine {
    fn files(&self) -> &Vfs {
        &VFS
    }

    fn buffers(&self) -> &dyn Buffers {
        &PageBuffers
    }

    fn pages(&self) -> &dyn Pages {
        &PipePages
    }

    fn write(&self, text: fmt::Arguments<'_>) {
        console::write(text);
    }

    fn write_bytes(&self, bytes: &[u8]) {
        console::write_bytes(bytes);
    }

    fn is_interrupted(&self) -> bool {
        input::is_interrupted()
    }

    fn clear_interrupt(&self) {
        input::clear_interrupt();
    }

    fn dropped_bytes(&self) -> u64 {
        input::dropped()
    }

    fn before_pipeline(&self) {
        // What the pipeline before has left is no reference to anything: `leaks scan` would take it for one.
        stacks::clear_unused();
    }

    fn run_command(&self, run: fn(&mut Session, &Options<'_>), session: &mut Session, options: &Options<'_>) {
        stack_end::call_command(run, session, options);
    }

    fn hints(&self) -> &'static str {
        "The kernel's figures are files: ls /proc, cat /proc/meminfo, head /proc/allocs.\n\
         A leak: leaks mark, work, leaks since; block by block: diff of two /proc/allocs.\n\
         To learn how it works: kmalloc 100, kfree ADDRESS, and docs/lesson.md.\n"
    }
}
