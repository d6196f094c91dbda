//! Tally vfs.
#![no_std]
/// Buffers.
pub trait Buffers: Sync {
    /// Take.
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]>;
    /// Give.
    fn give(&self, buffer: &'static mut [u8]);
}
