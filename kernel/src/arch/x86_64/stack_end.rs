//! The functions at which call stacks in reports end: the callers of a command's function, and of the boot function.
//!
//! Further callers are the same for all commands: about nine functions of shell and entry. The functions here are in
//! sections of their own, so that they are recognised by a return address. Linking fails if one of the sections is empty.

use core::hint::black_box;

/// Calls the function of a command.
#[unsafe(link_section = ".text.stack_end.command")]
#[inline(never)]
pub(crate) fn call_command<A, B>(function: fn(A, B), first: A, second: B) {
    function(first, second);
    // Code after the call prevents a tail call.
    black_box(());
}

/// Calls the function of the boot.
#[unsafe(link_section = ".text.stack_end.boot")]
#[inline(never)]
pub(crate) fn call_boot<A>(function: fn(A), argument: A) {
    function(argument);
    black_box(());
}
