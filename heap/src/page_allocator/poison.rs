//! Poison: free pages are filled with a known byte, and checked when they are taken again.
//!
//! The buddy heaps keep list nodes at the beginning of free blocks, so the first bytes of a page stay as they are.

use core::ptr::NonNull;

use super::words::{POISONED, RunWords};
use crate::{PAGE_BYTES, PageNumber};

/// Bytes at the beginning of a page that are neither filled nor checked.
const NODE_BYTES: usize = 16;
/// The byte that free pages are filled with: that of freed blocks.
pub const POISON: u8 = 0x6b;
/// Longer runs get no poison, so that no operation takes too long.
pub(super) const MAX_PAGES: usize = 16;
const POISON_WORD: u64 = u64::from_ne_bytes([POISON; 8]);
/// Bytes of the overwritten memory that are kept.
const MAX_SEEN: usize = 16;

/// A page that was written to while it was free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoisonDamage {
    /// The page.
    pub page: PageNumber,
    /// The offset of the first wrong byte in it.
    pub offset: usize,
    /// What stands there and in the bytes after it, up to the page's end; zeros beyond.
    pub seen: [u8; MAX_SEEN],
}

/// Which free pages have poison, and what was found.
#[derive(Debug)]
pub(super) struct Poison {
    /// Whether pages that are freed get poison.
    pub(super) is_on: bool,
    /// Free pages with poison.
    pub(super) pages: usize,
    /// The first damage since it was last asked for.
    damage: Option<PoisonDamage>,
    /// Damaged pages so far.
    damaged: u64,
}

impl Poison {
    pub(super) const fn off() -> Self {
        Self { is_on: false, pages: 0, damage: None, damaged: 0 }
    }

    /// Fills the pages of a run that is freed, if it has at most [`MAX_PAGES`].
    ///
    /// # Safety
    ///
    /// They are writable, and nobody uses them.
    pub(super) unsafe fn fill(&mut self, start: NonNull<u8>, pages: usize, words: &RunWords) {
        if pages > MAX_PAGES {
            return;
        }
        for number in 0..pages {
            // SAFETY: inside the run.
            let page = unsafe { start.add(number * PAGE_BYTES) };
            // SAFETY: as above; upheld by the caller.
            unsafe { page.add(NODE_BYTES).write_bytes(POISON, PAGE_BYTES - NODE_BYTES) };
            let address = page.as_ptr() as usize;
            words.write(address, words.read(address) | POISONED);
        }
        self.pages += pages;
    }

    /// Checks the pages of a run that is taken, those that have poison.
    ///
    /// # Safety
    ///
    /// They can be read, and nobody uses them yet.
    pub(super) unsafe fn check(&mut self, start: NonNull<u8>, pages: usize, words: &RunWords) {
        for number in 0..pages {
            // SAFETY: inside the run.
            let page = unsafe { start.add(number * PAGE_BYTES) };
            let address = page.as_ptr() as usize;
            let word = words.read(address);
            if word & POISONED == 0 {
                continue;
            }
            words.write(address, word & !POISONED);
            self.pages -= 1;
            // SAFETY: upheld by the caller.
            if let Some(damage) = unsafe { find_damage(page) } {
                self.damaged += 1;
                self.damage.get_or_insert(damage);
            }
        }
    }

    /// The first damage that was found since this was last asked, and how many pages were damaged so far.
    pub(super) fn take_damage(&mut self) -> Option<(PoisonDamage, u64)> {
        Some((self.damage.take()?, self.damaged))
    }
}

/// # Safety
///
/// The page can be read, and nobody writes to it.
unsafe fn find_damage(page: NonNull<u8>) -> Option<PoisonDamage> {
    let word = page.cast::<u64>();
    // SAFETY: inside the page, aligned, and any bytes are a number.
    let is_whole = |number: &usize| unsafe { word.add(*number).read_volatile() } == POISON_WORD;
    let wrong = (NODE_BYTES / 8..PAGE_BYTES / 8).find(|number| !is_whole(number))?;
    // SAFETY: as above.
    let byte = |offset: usize| unsafe { page.add(offset).read_volatile() };
    let offset = (wrong * 8..wrong * 8 + 8).find(|offset| byte(*offset) != POISON)?;
    let mut seen = [0; MAX_SEEN];
    for (place, offset) in seen.iter_mut().zip(offset..PAGE_BYTES) {
        *place = byte(offset);
    }
    Some(PoisonDamage { page: PageNumber::of(page.as_ptr()), offset, seen })
}
