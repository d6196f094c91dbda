//! The pages of a RAM file system, and their limit.

use crate::errno::{Errno, Result};

/// Bytes per page.
pub const PAGE_BYTES: usize = 4096;

/// An allocator of numbered pages.
///
/// A [`crate::RamFs`] stores everything in such pages: contents, names, inodes and the trees between them. It reads and
/// writes them only through this trait, so that it holds no references to them.
pub trait Pages: Sync {
    /// Allocates a page of zeros, whose number is not 0. `None` if there is no memory.
    fn take(&self) -> Option<u32>;

    /// Frees a page.
    fn give(&self, page: u32);

    /// Copies bytes out of a page. The range must be within it.
    fn read(&self, page: u32, offset: usize, target: &mut [u8]);

    /// Copies bytes into a page. The range must be within it.
    fn write(&self, page: u32, offset: usize, bytes: &[u8]);
}

/// The pages of one file system.
pub(super) struct Space {
    pages: &'static dyn Pages,
    pub(super) used_pages: u64,
    pub(super) limit_pages: u64,
}

impl Space {
    pub(super) const fn new(pages: &'static dyn Pages) -> Self {
        Self { pages, used_pages: 0, limit_pages: u64::MAX }
    }

    /// Allocates a page of zeros. `ENOSPC` at the limit, `ENOMEM` if there is no memory.
    pub(super) fn take(&mut self) -> Result<u32> {
        if self.used_pages >= self.limit_pages {
            return Err(Errno::ENOSPC);
        }
        let page = self.pages.take().ok_or(Errno::ENOMEM)?;
        self.used_pages = self.used_pages.saturating_add(1);
        Ok(page)
    }

    pub(super) fn give(&mut self, page: u32) {
        self.used_pages = self.used_pages.saturating_sub(1);
        self.pages.give(page);
    }

    pub(super) fn read(&self, page: u32, offset: usize, target: &mut [u8]) {
        self.pages.read(page, offset, target);
    }

    pub(super) fn write(&self, page: u32, offset: usize, bytes: &[u8]) {
        self.pages.write(page, offset, bytes);
    }
}
