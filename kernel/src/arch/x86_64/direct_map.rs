//! The direct map: all RAM, each byte at its physical address plus one base. The one place that knows this base.
//!
//! `paging` builds it. Whoever has one of the two addresses of a byte gets the other one here.

use super::{PAddr, VAddr};

/// Where physical address 0 would lie.
pub(crate) const START: VAddr = VAddr(0xffff_8000_0000_0000);

/// Where the direct map has a byte of RAM. What is no RAM is not mapped there.
#[inline]
pub(crate) fn to_virtual(physical: PAddr) -> VAddr {
    VAddr(START.0.wrapping_add(physical.0))
}

/// The physical address of a byte in the direct map.
#[inline]
pub(crate) fn to_physical(address: VAddr) -> PAddr {
    PAddr(address.0.wrapping_sub(START.0))
}
