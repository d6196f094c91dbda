//! `kmalloc`, `kzalloc`, `krealloc` and `kfree`: the kernel's own functions, as commands for a person who wants to see
//! what the allocator does. docs/lesson.md uses them.
//!
//! Nothing in the kernel refers to a block that was made so: its address is text on the screen.

mod figures;
mod kfree;
mod kmalloc;
mod krealloc;
mod kzalloc;
mod order;

use shell::Command;

/// Their rows.
pub(super) static COMMANDS: &[Command] =
    &[kfree::COMMAND, kmalloc::COMMAND, krealloc::COMMAND, kzalloc::COMMAND];
