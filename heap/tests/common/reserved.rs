//! Address space of the host in which only the parts that were opened can be written, and only pages that are used take
//! memory.

use std::ops::Range;
use std::ptr::NonNull;

const PAGE_BYTES: usize = 4096;

/// A range of addresses. A write outside the parts that were opened ends the test with a fault.
pub(crate) struct Reserved {
    mapped: NonNull<u8>,
    mapped_bytes: usize,
    start: NonNull<u8>,
    size_bytes: usize,
}

impl Reserved {
    /// Reserves `size_bytes` bytes, aligned to a power of two; `None` if the host has no room for them. With `reads_zeros`,
    /// what was not opened reads as zeros; else it cannot be read either.
    pub(crate) fn new(size_bytes: usize, align_bytes: usize, reads_zeros: bool) -> Option<Self> {
        let mapped_bytes = size_bytes.checked_add(align_bytes)?.next_multiple_of(PAGE_BYTES);
        let rights = if reads_zeros { libc::PROT_READ } else { libc::PROT_NONE };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: fresh address space, wherever there is some.
        let mapped = unsafe { libc::mmap(std::ptr::null_mut(), mapped_bytes, rights, flags, -1, 0) };
        if mapped == libc::MAP_FAILED {
            return None;
        }
        let mapped = NonNull::new(mapped.cast::<u8>())?;
        let skipped = mapped.as_ptr().align_offset(align_bytes);
        // SAFETY: the mapping is longer than the range by the alignment. The advice may fail, where there are no huge pages.
        let start = unsafe {
            libc::madvise(mapped.as_ptr().cast(), mapped_bytes, libc::MADV_NOHUGEPAGE);
            mapped.add(skipped)
        };
        Some(Self { mapped, mapped_bytes, start, size_bytes })
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Makes the pages writable that contain these bytes, as offsets from the start.
    pub(crate) fn open(&self, part: Range<usize>) {
        assert!(part.start < part.end && part.end <= self.size_bytes.next_multiple_of(PAGE_BYTES));
        let first = part.start / PAGE_BYTES * PAGE_BYTES;
        let length = part.end.next_multiple_of(PAGE_BYTES) - first;
        // SAFETY: inside the mapping.
        let result = unsafe {
            libc::mprotect(self.start.add(first).as_ptr().cast(), length, libc::PROT_READ | libc::PROT_WRITE)
        };
        assert_eq!(result, 0, "the host has no room for another part");
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and nobody refers to it any more.
        unsafe { libc::munmap(self.mapped.as_ptr().cast(), self.mapped_bytes) };
    }
}
