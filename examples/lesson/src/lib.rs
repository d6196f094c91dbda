//! The last exercise of `docs/lesson.md`: a tracker in its smallest form, counters and a map of live blocks in an arena.
//!
//! You write `exercise.rs`; `checks.rs` says whether it is right, and `solution.rs` is one way to do it. The tracker is
//! told of each allocation and free, and never takes memory from the heap that it tracks: its map lies in an arena.
#![forbid(unsafe_code)]

pub mod checks;
pub mod exercise;
pub mod solution;

use std::fmt;

/// The memory that a tracker has for itself. It may have a limit; then an allocation in it fails where that is reached.
pub type Arena = bumpalo::Bump;

/// What a tracker has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Recorded blocks that are live.
    pub live_blocks: usize,
    /// The bytes that they were allocated with.
    pub live_bytes: usize,
    /// All allocations so far.
    pub allocations: usize,
    /// All frees so far, without those that were refused.
    pub frees: usize,
    /// Frees that were refused.
    pub bad_frees: usize,
    /// Live blocks for whose record the arena had no room.
    pub untracked: usize,
}

/// A free of an address where no live block starts. The tracker refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFree {
    /// The address.
    pub address: usize,
}

impl fmt::Display for BadFree {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "free of {:#x}, which is no live block", self.address)
    }
}

/// What an allocator tells, and what a person asks.
pub trait Tracker {
    /// A block of `size_bytes` bytes was allocated at `address`. It is recorded, or counted as untracked if the arena
    /// has no room.
    fn allocate(&mut self, address: usize, size_bytes: usize);

    /// The block at `address` is to be freed. Returns its size, or 0 for a block that may be one of the untracked.
    ///
    /// # Errors
    ///
    /// [`BadFree`] if no live block starts there, and none is untracked. Nothing changes then but `bad_frees`.
    fn free(&mut self, address: usize) -> Result<usize, BadFree>;

    /// What was counted so far.
    fn counters(&self) -> Counters;

    /// The line that Tally's `memstat` prints: `1 active block, 256 bytes`, or `2 active blocks, 640 bytes`.
    fn report(&self) -> String;
}
