//! Where call stacks end for those who read them: with a command's own function, or with that of the boot.
//!
//! What called these is the same for all commands: some nine functions of the shell and of the entry. The functions
//! that call them lie in sections of their own, so a return address says by itself that the end is reached, whatever
//! those functions are called. The linker script fails if one of the sections is empty.

use core::hint::black_box;

/// Calls the function of a command.
#[unsafe(link_section = ".text.stack_end.command")]
#[inline(never)]
pub(crate) fn call_command<A, B>(function: fn(A, B), first: A, second: B) {
    function(first, second);
    // Something is left to do after the call, so that it is no jump.
    black_box(());
}

/// Calls the function of the boot.
#[unsafe(link_section = ".text.stack_end.boot")]
#[inline(never)]
pub(crate) fn call_boot<A>(function: fn(A), argument: A) {
    function(argument);
    black_box(());
}
