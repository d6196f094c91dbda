//! Many live blocks that a report has to list, each exactly once.

use core::ptr::null_mut;

use crate::memory::Scratch;
use crate::memory::heap::{kfree, kmalloc};

const SIZE_BYTES: usize = 16;
/// Set in an address that was listed. Blocks are aligned to 16.
const LISTED: usize = 1;

/// Live blocks, in the order of their addresses.
pub(crate) struct Listed {
    addresses: Scratch<usize>,
}

impl Listed {
    /// Allocates `count` blocks; `None` when memory runs out.
    pub(crate) fn new(count: usize) -> Option<Self> {
        let addresses = Scratch::new(count, || kmalloc(SIZE_BYTES).addr())?;
        let mut listed = Self { addresses };
        let addresses = listed.addresses.as_mut_slice();
        addresses.sort_unstable();
        addresses.first().is_some_and(|address| *address != 0).then_some(listed)
    }

    /// Notes that an address was listed; `false` if it was before. Other blocks than these are ignored.
    pub(crate) fn note(&mut self, address: usize) -> bool {
        let addresses = self.addresses.as_mut_slice();
        let found = addresses.binary_search_by_key(&address, |known| *known & !LISTED);
        let Some(known) = found.ok().and_then(|place| addresses.get_mut(place)) else { return true };
        let is_new = *known & LISTED == 0;
        *known |= LISTED;
        is_new
    }

    /// Blocks that were not listed.
    pub(crate) fn missing(&mut self) -> usize {
        self.addresses.as_mut_slice().iter().filter(|address| *address & LISTED == 0).count()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        for address in self.addresses.as_mut_slice() {
            let block = core::mem::replace(address, 0) & !LISTED;
            // SAFETY: from kmalloc, each once, and nobody uses them; null is ignored.
            unsafe { kfree(null_mut::<u8>().with_addr(block)) };
        }
    }
}
