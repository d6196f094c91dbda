//! Page numbers, and spans of pages: the types that interfaces use instead of bare addresses.

use core::ops::Range;
use core::ptr;

/// Bytes in a page, as a power of two.
pub(crate) const PAGE_SHIFT: u32 = 12;
/// Bytes in a page.
pub const PAGE_BYTES: usize = 1 << PAGE_SHIFT;

/// The number of a page in the address space: an address without its lowest 12 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageNumber(usize);

impl PageNumber {
    /// The page that an address lies in.
    #[inline]
    pub fn of<T>(address: *const T) -> Self {
        Self(address.addr() >> PAGE_SHIFT)
    }

    /// The number as an integer, to calculate with: pages from address 0 on.
    #[inline]
    pub const fn index(self) -> usize {
        self.0
    }

    /// The address at which the page starts.
    #[inline]
    pub const fn start(self) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.0 << PAGE_SHIFT)
    }
}

/// Contiguous pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageSpan {
    first: PageNumber,
    /// The page after the last; never before the first.
    end: PageNumber,
}

impl PageSpan {
    /// The pages from `first` up to the one before `end`; none if `end` is not above `first`.
    pub fn new(first: PageNumber, end: PageNumber) -> Self {
        Self { first, end: end.max(first) }
    }

    /// The first page.
    pub const fn first(&self) -> PageNumber {
        self.first
    }

    /// The page after the last.
    pub const fn end(&self) -> PageNumber {
        self.end
    }

    /// How many pages there are.
    pub const fn page_count(&self) -> usize {
        self.end.0 - self.first.0
    }

    /// The address of the first byte, for calculations inside the crate.
    pub(crate) const fn start_address(&self) -> usize {
        self.first.0 << PAGE_SHIFT
    }

    /// The address after the last byte.
    pub(crate) const fn end_address(&self) -> usize {
        self.end.0 << PAGE_SHIFT
    }
}

/// Cuts the pages number `span` of an allocation that is aligned to its size into the largest aligned powers of two: the
/// number of each piece's first page, and its order.
pub(crate) fn pieces(mut span: Range<usize>) -> impl Iterator<Item = (usize, u32)> {
    core::iter::from_fn(move || {
        let left = span.end.checked_sub(span.start)?.checked_ilog2()?;
        // A page's number in such an allocation has the same alignment as its address.
        let (first, order) = (span.start, left.min(span.start.trailing_zeros()));
        span.start += 1 << order;
        Some((first, order))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_number_of_each_of_its_addresses() {
        let page = ptr::without_provenance::<u8>(0x1234_5000);
        assert_eq!(PageNumber::of(page).index(), 0x12345);
        assert_eq!(PageNumber::of(page.wrapping_add(PAGE_BYTES - 1)), PageNumber::of(page));
        assert_eq!(PageNumber::of(page).start().addr(), 0x1234_5000);
    }

    #[test]
    fn a_span_that_ends_before_it_starts_has_no_pages() {
        let (low, high) = (PageNumber(3), PageNumber(7));
        assert_eq!(PageSpan::new(low, high).page_count(), 4);
        assert_eq!(PageSpan::new(high, low).page_count(), 0);
    }
}
