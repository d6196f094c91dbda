//! Tables in memory lent by the host, for commands that need all of their input at once: `sort`, `diff`, `ls`.

use core::marker::PhantomData;
use core::mem;

use bytemuck::Pod;
use vfs::{Buffers, Errno, Result};

/// A table of fixed length in a buffer of the host, which gets it back when the table is dropped.
pub(crate) struct Scratch<T: Pod> {
    buffers: &'static dyn Buffers,
    buffer: &'static mut [u8],
    length_bytes: usize,
    element: PhantomData<T>,
}

impl<T: Pod> Scratch<T> {
    /// A table of `length` elements, all of zeros.
    ///
    /// # Errors
    ///
    /// `ENOMEM`
    pub(crate) fn new(buffers: &'static dyn Buffers, length: usize) -> Result<Self> {
        let length_bytes = length.checked_mul(size_of::<T>()).ok_or(Errno::ENOMEM)?;
        let buffer = buffers.take(length_bytes).ok_or(Errno::ENOMEM)?;
        buffer.fill(0);
        let mut table = Self { buffers, buffer, length_bytes, element: PhantomData };
        // A buffer that is too short or misaligned is useless; dropping the table gives it back.
        if table.as_mut_slice().len() == length { Ok(table) } else { Err(Errno::ENOMEM) }
    }

    /// Shortens the table to `length` elements.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length_bytes = self.length_bytes.min(length.saturating_mul(size_of::<T>()));
    }

    /// The elements.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        let bytes = self.buffer.get_mut(..self.length_bytes).unwrap_or_default();
        bytemuck::try_cast_slice_mut(bytes).unwrap_or_default()
    }
}

impl<T: Pod> Drop for Scratch<T> {
    fn drop(&mut self) {
        self.buffers.give(mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Lends memory that starts `by` bytes after an aligned address, and counts what is lent.
    struct Misaligned {
        by: usize,
        lent: AtomicUsize,
    }

    impl Buffers for Misaligned {
        fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]> {
            self.lent.fetch_add(1, Ordering::Relaxed);
            let words: &'static mut [u64] = vec![u64::MAX; size_bytes / 8 + 2].leak();
            bytemuck::cast_slice_mut::<u64, u8>(words).get_mut(self.by..)
        }

        fn give(&self, _: &'static mut [u8]) {
            self.lent.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn misaligned(by: usize) -> &'static Misaligned {
        Box::leak(Box::new(Misaligned { by, lent: AtomicUsize::new(0) }))
    }

    #[test]
    fn table_starts_with_zeros_and_gives_its_buffer_back() {
        let buffers = misaligned(0);
        let mut table = Scratch::<u64>::new(buffers, 3).unwrap();
        assert_eq!(table.as_mut_slice(), [0; 3]);
        table.as_mut_slice()[1] = 7;
        table.truncate(2);
        assert_eq!(table.as_mut_slice(), [0, 7]);
        drop(table);
        assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn misaligned_buffer_is_no_memory_and_goes_back() {
        let buffers = misaligned(1);
        assert_eq!(Scratch::<u64>::new(buffers, 3).err(), Some(Errno::ENOMEM));
        assert_eq!(Scratch::<u64>::new(buffers, usize::MAX).err(), Some(Errno::ENOMEM));
        assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
    }
}
