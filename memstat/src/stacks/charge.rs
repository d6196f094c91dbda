//! What a lane has charged to a call stack: by how much its figures rise or fall. Lanes hand that in when it is much, or
//! when somebody asks, so that two of them do not write to the same place at each operation.

/// Bytes that a lane may keep of a stack before it hands them in: so much a lane may a stack's peak be wrong.
const MAX_KEPT_BYTES: u64 = 64 << 10;

/// What was charged since it was last handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    blocks: i32,
    total_blocks: u32,
    bytes: i64,
    /// The highest that `bytes` was.
    max_bytes: i64,
    total_bytes: u64,
}

const _: () = assert!(size_of::<Charge>() == 32);

impl Charge {
    pub(crate) const NONE: Self = Self { blocks: 0, total_blocks: 0, bytes: 0, max_bytes: 0, total_bytes: 0 };

    pub(crate) fn blocks(&self) -> i32 {
        self.blocks
    }

    pub(crate) fn bytes(&self) -> i64 {
        self.bytes
    }

    pub(crate) fn max_bytes(&self) -> i64 {
        self.max_bytes
    }

    pub(crate) fn total_blocks(&self) -> u64 {
        self.total_blocks.into()
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Counts a new block.
    #[inline]
    pub(crate) fn add(&mut self, size_bytes: usize) {
        self.total_blocks += 1;
        self.total_bytes += size_bytes as u64;
        self.take_over(size_bytes);
    }

    /// Counts a block that was another stack's, or had another size.
    #[inline]
    pub(crate) fn take_over(&mut self, size_bytes: usize) {
        self.blocks += 1;
        self.bytes += size_bytes as i64;
        if self.bytes > self.max_bytes {
            self.max_bytes = self.bytes;
        }
    }

    /// Counts a block as gone.
    #[inline]
    pub(crate) fn subtract(&mut self, size_bytes: usize) {
        self.blocks -= 1;
        self.bytes -= size_bytes as i64;
    }

    /// Whether it is so much that it is to be handed in.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.bytes.unsigned_abs() >= MAX_KEPT_BYTES
            || self.total_blocks >= 1 << 30
            || self.blocks <= -(1 << 30)
    }

    /// Takes what another has, which is later.
    pub(crate) fn hand_in(&mut self, later: &mut Self) {
        self.max_bytes = self.max_bytes.max(self.bytes + later.max_bytes);
        self.bytes += later.bytes;
        self.blocks = self.blocks.wrapping_add(later.blocks);
        self.total_blocks = self.total_blocks.wrapping_add(later.total_blocks);
        self.total_bytes += later.total_bytes;
        *later = Self::NONE;
    }
}
