//! The direct map: all RAM, each byte at its physical address plus one base. The one place that knows this base.
//!
//! `paging` builds it; this file converts between the two addresses of a byte.

use super::{PAddr, VAddr};

/// The virtual address of physical address 0.
pub(crate) const START: VAddr = VAddr(0xffff_8000_0000_0000);

/// The virtual address of a byte of RAM. Only RAM is mapped there.
#[inline]
pub(crate) fn to_virtual(physical: PAddr) -> VAddr {
    VAddr(START.0.wrapping_add(physical.0))
}

/// The physical address of a byte in the direct map.
#[inline]
pub(crate) fn to_physical(address: VAddr) -> PAddr {
    PAddr(address.0.wrapping_sub(START.0))
}
