//! Memory: from the boot loader's ranges to the tracked heap.
//!
//! The way: usable ranges -> `early` (a few frames for page tables and metadata) -> [`frames`] (buddy
//! heaps of pages) -> [`heaps`] (the backend) -> `heap` (tracked by memstat, behind `alloc` and kmalloc).
//!
//! # Locks
//!
//! All mask interrupts while held. A lock may be taken while holding only those above it in this list:
//!
//! 1. `vfs` (mounts, open files, ramfs): held for look-ups, never while a node renders
//! 2. `heap::HEAP`: the tracker and its backend; one lock for both
//! 3. `arch::paging::SPACE`: the address space
//! 4. `FRAMES`: the frames
//! 5. `logger::RING`: held for the copy of one message
//! 6. `console::device::CONSOLE`: the screen
//! 7. `arch::serial::LINE_STATE`: the serial line; `arch::keyboard::KEYBOARD` stands beside it
//!
//! `symbols::LINES` stands apart: nobody waits for it, and who does not get it goes without lines.
//!
//! Nothing is logged, formatted or sent to a device under 2 to 4, and nothing allocates from the heap under
//! any of them but 1.

#[cfg(target_os = "none")]
pub(crate) mod aside;
#[cfg(target_os = "none")]
pub(crate) mod bench;
#[cfg(target_os = "none")]
pub(crate) mod buffers;
#[cfg(target_os = "none")]
mod early;
pub(crate) mod frames;
#[cfg(target_os = "none")]
pub(crate) mod heap;
pub(crate) mod heaps;
#[cfg(target_os = "none")]
pub(crate) mod lesson;
#[cfg(target_os = "none")]
mod machine;
pub(crate) mod random;
#[cfg(target_os = "none")]
mod scratch;
#[cfg(target_os = "none")]
pub(crate) mod selftest;

#[cfg(target_os = "none")]
pub(crate) use machine::{Purpose, free_blocks, free_pages, init, map_device, pages_for, total_pages};
#[cfg(target_os = "none")]
pub(crate) use scratch::Scratch;
