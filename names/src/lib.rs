//! Names for addresses of code: functions, inlined ones included, source files and lines.
//!
//! A program's own symbol table and DWARF sections lie in its memory; here they are read where they lie. What
//! a section says may be cut off or noise: every answer is then missing or wrong, but it comes, after a
//! bounded number of steps. Sources: ELF-64 Object File Format 1.5, chapters 4 and 6; DWARF 4 and 5, by
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
