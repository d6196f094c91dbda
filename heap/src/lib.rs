//! Memory allocators: the page frame allocator, and the heaps over it.
//!
//! [`frames`] owns all usable memory in pages, by buddy heaps of bounded size. A [`Heap`] takes pages from a
//! [`PageSource`] and cuts them into blocks; which backend does so is chosen at boot by its [`Kind`]: our own slab
//! allocator, or one from four crates, each in regions. A heap records what each of its pages is used for, in
//! [`PageWords`] that it is given at the start, so it finds the block at any address and refuses bad frees.
//!
//! A [`PageAllocator`] stands between: it knows of each taken run of pages where it starts, how long it is and what for,
//! and is a backend that is accounted for as a heap is.
//!
//! The crate does not depend on hardware, and uses only the memory that it is given. Every heap is a `memstat::Backend`:
//! the accounting wraps it without knowing which one it is. The contract that all of them keep is tested by
//! [`test_kit::contract`], on the host and in the running kernel; `tests/` has the models.
#![no_std]

pub mod frames;
mod heap;
mod kind;
mod page_allocator;
mod page_map;
mod page_source;
mod pages;
mod regional;
mod runs;
mod slab;
pub mod test_kit;

pub use heap::Heap;
pub use kind::Kind;
pub use page_allocator::{MAX_PURPOSE, POISON, PageAllocator, PageRun, PoisonDamage, RunWords, page_layout};
pub use page_map::PageWords;
pub use page_source::PageSource;
pub use pages::{PAGE_BYTES, PageNumber, PageSpan};
pub use slab::SizeClass;
