//! The bytes that a live block takes from memory, computed from its record.

use core::ptr::NonNull;

use super::Inner;
use crate::backend::Backend;
use crate::guard::red_zones;
use crate::platform::PAGE_SIZE_BYTES;
use crate::record::{Guarding, Record};

impl<B: Backend> Inner<B> {
    /// Bytes that a live block takes from memory, red zones and rounding included: the number that was counted when it was
    /// allocated.
    pub(in super::super) fn taken_bytes(&self, record: &Record) -> usize {
        if record.is_guarded_as(Guarding::Sampled) {
            return PAGE_SIZE_BYTES;
        }
        let address = record.address() - red_zones::front_bytes(record.guarding(), record.align_bytes());
        let own_layout = red_zones::backend_layout(record.guarding(), record.layout());
        let own = NonNull::new(address as *mut u8).zip(own_layout);
        let taken = self.backend.as_ref().zip(own);
        taken.map_or(0, |(backend, (own, layout))| backend.taken_size_bytes(own, layout))
    }
}
