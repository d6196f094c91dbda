//! The pages that a ramfs has, and how many it may have.

use crate::errno::{Errno, Result};

/// Bytes a page.
pub const PAGE_BYTES: usize = 4096;

/// A lender of pages that are known by number.
///
/// All that a [`crate::RamFs`] keeps lies in such pages: contents, names, inodes and the trees between them. It
/// reads and writes them through this trait alone, so that it holds no reference into them.
pub trait Pages: Sync {
    /// A page of zeros. Its number is not 0. `None` when there is no memory.
    fn take(&self) -> Option<u32>;

    /// Takes a page back.
    fn give(&self, page: u32);

    /// Copies bytes out of a page. The range lies within it.
    fn read(&self, page: u32, offset: usize, target: &mut [u8]);

    /// Copies bytes into a page. The range lies within it.
    fn write(&self, page: u32, offset: usize, bytes: &[u8]);
}

/// The pages of one file system.
pub(super) struct Space {
    pages: &'static dyn Pages,
    pub(super) used: u64,
    pub(super) limit: u64,
}

impl Space {
    pub(super) const fn new(pages: &'static dyn Pages) -> Self {
        Self { pages, used: 0, limit: u64::MAX }
    }

    /// A page of zeros: `ENOSPC` at the limit, `ENOMEM` where there is no memory.
    pub(super) fn take(&mut self) -> Result<u32> {
        if self.used >= self.limit {
            return Err(Errno::ENOSPC);
        }
        let page = self.pages.take().ok_or(Errno::ENOMEM)?;
        self.used = self.used.saturating_add(1);
        Ok(page)
    }

    pub(super) fn give(&mut self, page: u32) {
        self.used = self.used.saturating_sub(1);
        self.pages.give(page);
    }

    pub(super) fn read(&self, page: u32, offset: usize, target: &mut [u8]) {
        self.pages.read(page, offset, target);
    }

    pub(super) fn write(&self, page: u32, offset: usize, bytes: &[u8]) {
        self.pages.write(page, offset, bytes);
    }
}
