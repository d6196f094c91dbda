//! Resolves code addresses to functions, inlined ones included, source files and lines.
//!
//! The symbol table and the DWARF sections are read in place, in the program's own memory. They may be truncated or
//! corrupt: answers are then missing or wrong, but nothing panics, and the time is bounded. Sources: ELF-64 Object File Format 1.5, chapters 4 and 6; DWARF 4 and 5, by
//! the crate `gimli`, which allocates: some 100 KiB while an [`Index`] is built and while a name is looked up.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod budget;
mod entries;
mod function;
mod index;
mod lookup;
pub mod paths;
mod symtab;
#[cfg(test)]
mod tests;

pub use function::{Name, bare_name};
pub use index::{Index, Sections};
pub use lookup::Place;
pub use symtab::{Symbol, Symtab};
