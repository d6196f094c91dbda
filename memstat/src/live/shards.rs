//! The live map in shards, for several CPUs or threads at once: a block's address decides which shard has its record, so
//! that its allocation and its free meet there, and each shard has a lock of its own.
//!
//! A shard takes all blocks of a region of the address space. Allocators give each thread regions of its own, so two
//! threads meet in a shard by chance only. A shard is a page of the arena, made when its first block comes.

use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};

use portable_atomic::{AtomicPtr, AtomicU64, Ordering};

use super::Map;
use crate::arena::{Arena, ArenaFull};
use crate::index::SHARD_BITS;
use crate::lock::checker;
use crate::lock::latch::Latch;
use crate::platform::{PAGE_SIZE_BYTES, Platform};

/// How many there are.
pub(crate) const SHARDS: usize = 1 << SHARD_BITS;
/// Bytes of a region, as a power of two.
const REGION_BITS: u32 = 16;

/// A shard's own map: its root is small, as there are many, and it holds up to 8 million blocks.
pub(crate) type ShardMap = Map<256, 128>;

/// Some of the live blocks, behind a lock of their own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Shard {
    pub(crate) latch: Latch,
    /// The number of the last event of one of its blocks, at level `full`; changed by who has the latch.
    pub(crate) clock: AtomicU64,
    map: UnsafeCell<ShardMap>,
}

const _: () = assert!(size_of::<Shard>() <= PAGE_SIZE_BYTES);

impl Shard {
    /// The map. Whoever reads or changes it holds the shard's latch, or excludes all who might.
    #[inline]
    pub(crate) fn map(&self) -> *mut ShardMap {
        self.map.get()
    }
}

/// All shards.
#[derive(Debug)]
pub(crate) struct Shards {
    shards: [AtomicPtr<Shard>; SHARDS],
}

impl Shards {
    pub(super) const fn new() -> Self {
        Self { shards: [const { AtomicPtr::new(null_mut()) }; SHARDS] }
    }

    /// The number of the shard that has the block at `address`.
    #[inline]
    pub(super) fn number_of(address: usize) -> usize {
        let region = (address >> REGION_BITS) as u64;
        (region.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SHARD_BITS)) as usize
    }

    /// The shard of a number, if there is one yet.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<&Shard> {
        let place = self.shards.get(number)?;
        let shard = place.load(Ordering::Acquire);
        checker::acquired(place);
        // SAFETY: a shard was written before its address, and stays where it is for ever.
        unsafe { shard.as_ref() }
    }

    /// The shard that has the block at `address`, if there is one yet.
    #[inline]
    pub(crate) fn of(&self, address: usize) -> Option<&Shard> {
        self.get(Self::number_of(address))
    }

    /// The same; it is made if there is none. Whoever holds the arena is the only one to make shards.
    pub(crate) fn of_or_new(
        &self,
        address: usize,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<&Shard, ArenaFull> {
        if let Some(shard) = self.of(address) {
            return Ok(shard);
        }
        let shard: NonNull<Shard> = arena.take_page(platform).ok_or(ArenaFull)?.cast();
        // SAFETY: a fresh page, which is large and aligned enough; nobody else knows it yet.
        unsafe {
            shard.write(Shard {
                latch: Latch::new(),
                clock: AtomicU64::new(0),
                map: UnsafeCell::new(ShardMap::new()),
            });
            (*shard.as_ref().map()).prepare();
        }
        if let Some(place) = self.shards.get(Self::number_of(address)) {
            checker::releasing(place);
            place.store(shard.as_ptr(), Ordering::Release);
        }
        self.of(address).ok_or(ArenaFull)
    }
}
