//! Memory: from the boot loader's ranges to the tracked heap.
//!
//! The way: usable ranges -> `early` (a few frames for page tables and metadata) -> [`frames`] (buddy
//! heaps of pages) -> [`heaps`] (the backend) -> `heap` (tracked by memstat, behind `alloc` and kmalloc).
//!
//! # Locks
//!
//! All but the first mask interrupts while held. A lock may be taken while holding only those above it in this list:
//!
//! 1. `vfs`: the mounts, then a ramfs, then the open files; held for look-ups and copies, never while a node
//!    renders. They mask no interrupts, so no handler may touch files
//! 2. `files::OWNED`: which frames are files'; held for the copy of at most a page
//! 3. `heap::HEAP`: the tracker and its backend; one lock for both
//! 4. `arch::paging::SPACE`: the address space
//! 5. `FRAMES`: the frames; `failures::PAGES` is asked before, `failures::HEAP` under 3
//! 6. `logger::RING`: held for the copy of one message; `marks::MARKS` and `fill::HELD` stand beside it
//! 7. `console::device::CONSOLE`: the screen
//! 8. `arch::serial::LINE_STATE`: the serial line; `arch::keyboard::KEYBOARD` stands beside it
//!
//! Nothing is logged, formatted or sent to a device under 2 to 5, and nothing allocates from the heap under
//! any of them but 1. The page fault handler, for what a guard page caught, tries 3 and logs: nothing under 6 to 8 touches
//! the heap. `crash` takes none that is held. `symbols::LINES` stands apart: nobody waits for it, and who does not get it
//! goes without lines.

#[cfg(target_os = "none")]
pub(crate) mod adapter;
#[cfg(target_os = "none")]
pub(crate) mod aside;
#[cfg(target_os = "none")]
pub(crate) mod bench;
#[cfg(target_os = "none")]
pub(crate) mod buffers;
#[cfg(target_os = "none")]
mod call_stack;
#[cfg(target_os = "none")]
mod corruption;
#[cfg(target_os = "none")]
mod deadlock;
#[cfg(target_os = "none")]
pub(crate) mod drill;
#[cfg(target_os = "none")]
pub(crate) mod drivers;
#[cfg(target_os = "none")]
mod early;
pub(crate) mod event_line;
#[cfg(target_os = "none")]
mod exhaustion;
#[cfg(target_os = "none")]
pub(crate) mod failures;
#[cfg(target_os = "none")]
pub(crate) mod files;
#[cfg(target_os = "none")]
pub(crate) mod fill;
pub(crate) mod frames;
#[cfg(target_os = "none")]
pub(crate) mod guard_pages;
#[cfg(target_os = "none")]
pub(crate) mod heap;
pub(crate) mod heaps;
pub(crate) mod holder;
pub(crate) mod kept;
#[cfg(target_os = "none")]
pub(crate) mod lesson;
#[cfg(target_os = "none")]
mod machine;
#[cfg(target_os = "none")]
pub(crate) mod marks;
#[cfg(target_os = "none")]
pub(crate) mod packets;
pub(crate) mod random;
#[cfg(target_os = "none")]
mod rate_limit;
#[cfg(target_os = "none")]
pub(crate) mod reach;
#[cfg(target_os = "none")]
pub(crate) mod sampler;
#[cfg(target_os = "none")]
mod scratch;
#[cfg(target_os = "none")]
pub(crate) mod selftest;

#[cfg(target_os = "none")]
pub(crate) use machine::{
    Purpose, free_blocks, free_pages, init, map_device, page_traffic, pages_for, total_pages, try_pages,
};
#[cfg(target_os = "none")]
pub(crate) use scratch::Scratch;
