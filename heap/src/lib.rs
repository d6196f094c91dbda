//! Memory to hand out: page frames, and the heaps over them.
//!
//! [`frames`] owns all usable memory in pages, by buddy heaps of bounded size. A [`Heap`] takes pages from a
//! [`PageSource`] and cuts them into blocks; which backend does so is chosen at boot by its [`Kind`]: a slab of our
//! own, or one of four crates' allocators, each in regions. A heap knows what each of its pages is used for, in
//! [`PageWords`] that it is given with the pages, so it finds the block at any address and refuses a free of what is
//! none.
//!
//! The crate knows no hardware, and has no memory but what it is given. Every heap is a `memstat::Backend`: the
//! accounting wraps it without knowing which one it is. What all of them promise is tested by [`test_kit::contract`],
//! on the host and in the running kernel; `tests/` has the models.
#![no_std]

pub mod frames;
mod heap;
mod kind;
mod page_map;
mod page_source;
mod pages;
mod regional;
mod runs;
mod slab;
pub mod test_kit;

pub use heap::Heap;
pub use kind::Kind;
pub use page_map::PageWords;
pub use page_source::PageSource;
pub use pages::{PAGE_BYTES, PageNumber, PageSpan};
pub use slab::SizeClass;
