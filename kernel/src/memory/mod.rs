//! Memory: from the boot loader's ranges to the tracked heap.
//!
//! The path: usable ranges -> `boot::EarlyFrames` (frames for page tables and metadata, in `setup`) ->
//! `tally_heap::PageAllocator` (runs of pages, tracked by memstat) -> `tally_heap` (the backend) -> `heap` (tracked by memstat, behind
//! `alloc` and kmalloc).
//!
//! # Locks
//!
//! All but the first mask interrupts while held. A lock may be taken while holding only those above it in this list:
//!
//! 1. `vfs`: the mounts, then a ramfs, then the open files; held for look-ups and copies, never while a node
//!    renders. They mask no interrupts, so no handler may touch files
//! 2. `pages::files::OWNED`: which frames are files' and pipes'; held for the copy of at most a page
//! 3. `heap::HEAP`: the tracker and its backend; one lock for both
//! 4. `arch::paging::SPACE`: the address space
//! 5. the tracker of pages, `page_tracker`
//! 6. `page_tracker::FRAMES`: the allocator of pages; `failures::PAGES` is checked before it is taken, `failures::HEAP`
//!    under 3
//! 7. `logger::RING`: held for the copy of one message; `leaks::marks::MARKS`,
//!    `by_hand::INVERTED` and `selftest::fill::HELD` are beside it
//! 8. `console::device::CONSOLE`: the screen
//! 9. `arch::serial::LINE_STATE`: the serial line; `arch::serial::DATA_LINE`, `arch::keyboard::KEYBOARD` and
//!    `arch::virtio_console::CONSOLE` stand beside it
//!
//! Nothing is logged, formatted or sent to a device under 2 to 6, and nothing allocates from the heap under any of them
//! but 1. The page fault handler, for what a guard page caught, tries 3 and logs: nothing under 7 to 9 touches the
//! heap. `crash` takes none that is held. `symbols::LINES` stands apart: nobody waits for it, and who does not get it
//! goes without lines.

pub(crate) mod balance;
pub(crate) mod by_hand;
pub(crate) mod demo;
pub(crate) mod failures;
pub(crate) mod heap;
pub(crate) mod leaks;
pub(crate) mod ledger;
pub(crate) mod page_accounting;
mod page_numbers;
pub(crate) mod page_owners;
pub(crate) mod page_tracker;
pub(crate) mod pages;
mod platform;
mod purpose;
pub(crate) mod report;
mod setup;
mod shrinkers;
pub(crate) mod whatis;

pub(crate) use page_accounting::{
    Purpose, free_blocks, free_pages, page_traffic, pages_for, total_pages, try_pages,
};
pub(crate) use pages::scratch::Scratch;
pub(crate) use setup::init;
