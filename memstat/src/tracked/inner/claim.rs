//! What the caller of a free or reallocation claims about the block.

use core::alloc::Layout;

use crate::record::Record;

/// What the caller claims about the block, besides where it starts.
pub(in super::super) trait Claim: Copy {
    /// Whether the record agrees.
    fn fits(self, record: &Record) -> bool;

    /// The layout, if it is known.
    fn layout(self) -> Option<Layout>;
}

/// Nothing: only the pointer is known.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct PointerOnly;

impl Claim for PointerOnly {
    #[inline]
    fn fits(self, _record: &Record) -> bool {
        true
    }

    fn layout(self) -> Option<Layout> {
        None
    }
}

/// The layout, which must be that of the record.
impl Claim for Layout {
    #[inline]
    fn fits(self, record: &Record) -> bool {
        record.has_layout(self)
    }

    fn layout(self) -> Option<Layout> {
        Some(self)
    }
}

/// The layout, if it is known.
impl Claim for Option<Layout> {
    #[inline]
    fn fits(self, record: &Record) -> bool {
        self.is_none_or(|layout| record.has_layout(layout))
    }

    fn layout(self) -> Option<Layout> {
        self
    }
}
