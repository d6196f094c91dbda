//! What is counted: lifetime totals beside live values.

/// The counters of a tracker. They change together, under the tracker's lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Allocations that succeeded, since the start.
    pub allocations: u64,
    /// Frees of live blocks, since the start.
    pub frees: u64,
    /// Reallocations that succeeded, since the start. One that moved its block also counts as an
    /// allocation and a free.
    pub reallocations: u64,
    /// Requests that the backend could not serve, since the start.
    pub failures: u64,
    /// Frees and reallocations of pointers that are no live block, since the start. None of them reached
    /// the backend.
    pub bad_frees: u64,
    /// Allocations that could not be recorded because the arena could not grow, since the start.
    pub untracked: u64,
    /// Blocks that are live now, unrecorded ones included.
    pub live_blocks: u64,
    /// Bytes asked for by the blocks that are live now, as far as they are recorded.
    pub live_bytes: u64,
    /// Bytes that those blocks take from memory, rounding by the allocator included.
    pub taken_bytes: u64,
    /// Of the live blocks, those that are not recorded.
    pub live_untracked: u64,
    /// The most blocks that were ever live at once.
    pub peak_live_blocks: u64,
    /// The most bytes that were ever live at once.
    pub peak_live_bytes: u64,
}

impl Counters {
    /// Counters at zero.
    pub const ZERO: Self = Self {
        allocations: 0,
        frees: 0,
        reallocations: 0,
        failures: 0,
        bad_frees: 0,
        untracked: 0,
        live_blocks: 0,
        live_bytes: 0,
        taken_bytes: 0,
        live_untracked: 0,
        peak_live_blocks: 0,
        peak_live_bytes: 0,
    };

    /// Live blocks that stand in the live map.
    pub fn recorded_blocks(&self) -> u64 {
        self.live_blocks - self.live_untracked
    }

    pub(crate) fn count_allocation(&mut self) {
        self.allocations += 1;
        self.live_blocks += 1;
        self.peak_live_blocks = self.peak_live_blocks.max(self.live_blocks);
    }

    pub(crate) fn count_free(&mut self) {
        self.frees += 1;
        self.live_blocks -= 1;
    }

    pub(crate) fn add_bytes(&mut self, requested_bytes: usize, taken_bytes: usize) {
        self.live_bytes += requested_bytes as u64;
        self.taken_bytes += taken_bytes as u64;
        self.peak_live_bytes = self.peak_live_bytes.max(self.live_bytes);
    }

    pub(crate) fn subtract_bytes(&mut self, requested_bytes: usize, taken_bytes: usize) {
        self.live_bytes -= requested_bytes as u64;
        self.taken_bytes -= taken_bytes as u64;
    }
}
