//! What lanes count of that which is live: each keeps its own changes, and hands them in to the totals when they are many,
//! or when somebody asks. So two lanes do not write to the same place at each operation.
//!
//! A peak is exact while one lane works. Of several, each may keep back [`MAX_KEPT_BLOCKS`] and [`MAX_KEPT_BYTES`]: by so
//! much for each other lane may a peak be wrong.

/// Blocks that a lane may keep back before it hands them in.
const MAX_KEPT_BLOCKS: u64 = 256;
/// Bytes that it may keep back.
const MAX_KEPT_BYTES: u64 = 64 << 10;

/// What is live, as far as lanes have handed it in. Signed: the frees of blocks may be handed in before their
/// allocations are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(super) live_blocks: i64,
    pub(super) peak_live_blocks: i64,
    pub(super) taken_bytes: i64,
    pub(super) live_bytes: i64,
    pub(super) peak_live_bytes: i64,
}

/// By how much that has changed on a lane since it was last handed in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    blocks: i64,
    /// The highest that `blocks` was.
    max_blocks: i64,
    taken_bytes: i64,
    bytes: i64,
    /// The highest that `bytes` was.
    max_bytes: i64,
}

impl Totals {
    pub(crate) const ZERO: Self =
        Self { live_blocks: 0, peak_live_blocks: 0, taken_bytes: 0, live_bytes: 0, peak_live_bytes: 0 };

    /// Takes what a lane has kept.
    pub(crate) fn hand_in(&mut self, kept: &mut Kept) {
        self.peak_live_blocks = self.peak_live_blocks.max(self.live_blocks + kept.max_blocks);
        self.peak_live_bytes = self.peak_live_bytes.max(self.live_bytes + kept.max_bytes);
        self.live_blocks += kept.blocks;
        self.live_bytes += kept.bytes;
        self.taken_bytes += kept.taken_bytes;
        *kept = Kept::NONE;
    }
}

impl Kept {
    pub(crate) const NONE: Self = Self { blocks: 0, max_blocks: 0, taken_bytes: 0, bytes: 0, max_bytes: 0 };

    #[inline]
    pub(crate) fn add(&mut self, taken_bytes: usize) {
        self.blocks += 1;
        self.taken_bytes += taken_bytes as i64;
        if self.blocks > self.max_blocks {
            self.max_blocks = self.blocks;
        }
    }

    #[inline]
    pub(crate) fn subtract(&mut self, taken_bytes: usize) {
        self.blocks -= 1;
        self.taken_bytes -= taken_bytes as i64;
    }

    /// A block takes more from memory, or less.
    pub(crate) fn resize(&mut self, old_taken_bytes: usize, taken_bytes: usize) {
        self.taken_bytes += taken_bytes as i64 - old_taken_bytes as i64;
    }

    #[inline]
    pub(crate) fn add_recorded(&mut self, size_bytes: usize) {
        self.bytes += size_bytes as i64;
        if self.bytes > self.max_bytes {
            self.max_bytes = self.bytes;
        }
    }

    #[inline]
    pub(crate) fn subtract_recorded(&mut self, size_bytes: usize) {
        self.bytes -= size_bytes as i64;
    }

    /// Whether it is so much that it is to be handed in.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.blocks.unsigned_abs() >= MAX_KEPT_BLOCKS || self.bytes.unsigned_abs() >= MAX_KEPT_BYTES
    }
}
