//! A cache that keeps every block that it was ever asked for, until there is no memory left.

use alloc::collections::TryReserveError;
use alloc::vec::Vec;

const BLOCK_BYTES: usize = 32 << 10;

struct Cache {
    blocks: Vec<Vec<u8>>,
}

/// Asks the cache for one block after the other. When it can keep no more, it gives all of them back.
pub(super) fn read_everything() {
    let mut cache = Cache { blocks: Vec::new() };
    loop {
        if let Err(error) = cache.keep_block_without_a_limit() {
            let blocks = cache.blocks.len();
            drop(cache);
            log::warn!(
                "cache: {error}; {blocks} blocks of {BLOCK_BYTES} bytes were kept, and are free again"
            );
            return;
        }
    }
}

impl Cache {
    /// Makes room for a block, and would read it. The mistake: no block is ever given up for another.
    #[inline(never)]
    fn keep_block_without_a_limit(&mut self) -> Result<(), TryReserveError> {
        let mut block = Vec::new();
        block.try_reserve_exact(BLOCK_BYTES)?;
        self.blocks.try_reserve(1)?;
        block.push(0);
        self.blocks.push(block);
        Ok(())
    }
}
