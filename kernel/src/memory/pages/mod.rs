//! Memory that is allocated as pages and not from the heap, so that a report about the heap does not change it, and works
//! when the heap is full.

pub(crate) mod buffers;
pub(super) mod device_buffers;
pub(crate) mod files;
pub(crate) mod guard_window;
pub(crate) mod persistent;
pub(crate) mod scratch;
pub(crate) mod symbol_arena;
