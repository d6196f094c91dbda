//! A backend for tests, which ends a test whose frees are wrong.

use std::alloc::{Layout, System};
use std::collections::BTreeMap;
use std::ptr::NonNull;

use memstat::{Backend, Live, Location};

/// The host's allocator, with a list of what is live, so that a wrong free is a test failure.
#[derive(Debug, Default)]
pub(crate) struct HostBackend {
    pub(crate) live: BTreeMap<usize, Layout>,
    pub(crate) limit_bytes: Option<usize>,
    pub(crate) live_bytes: usize,
    pub(crate) freed: std::collections::HashSet<usize>,
    /// Whether the block that was freed last is handed out again for the next request of the same layout.
    pub(crate) is_reusing: bool,
    /// That block, while it is kept for that.
    pub(crate) spare: Option<(usize, Layout)>,
}

fn rounded(layout: Layout) -> Layout {
    Layout::from_size_align(layout.size().max(1).next_multiple_of(16), layout.align().max(16)).unwrap()
}

// SAFETY: blocks come from the host's allocator with the layout asked for, rounded up.
unsafe impl Backend for HostBackend {
    const KNOWS_LIVE: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        if layout.size() > 1 << 40 {
            return None;
        }
        let layout = rounded(layout);
        if self.limit_bytes.is_some_and(|limit| self.live_bytes + layout.size() > limit) {
            return None;
        }
        let spare = self.spare.take_if(|(_, own)| *own == layout).map(|(address, _)| address as *mut u8);
        // SAFETY: the rounded size is not zero.
        let block = spare.unwrap_or_else(|| unsafe { std::alloc::GlobalAlloc::alloc(&System, layout) });
        let block = NonNull::new(block)?;
        self.live_bytes += layout.size();
        assert_eq!(self.live.insert(block.as_ptr() as usize, layout), None);
        self.freed.remove(&(block.as_ptr() as usize));
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    /// So that the slow paths are tested.
    fn has_fast_path(&self) -> bool {
        false
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        let own = self.live.remove(&(block.as_ptr() as usize)).expect("only live blocks reach the backend");
        assert_eq!(own, rounded(layout), "the layout of the allocation comes back");
        self.freed.insert(block.as_ptr() as usize);
        self.live_bytes -= own.size();
        let mut gone = Some((block.as_ptr() as usize, own));
        if self.is_reusing {
            std::mem::swap(&mut gone, &mut self.spare);
        }
        if let Some((address, own)) = gone {
            // SAFETY: it was live, with this layout, and is not kept.
            unsafe { std::alloc::GlobalAlloc::dealloc(&System, address as *mut u8, own) };
        }
        own.size()
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        rounded(layout).size()
    }

    fn live(&self) -> Option<Live> {
        Some(Live { blocks: self.live.len() as u64, bytes: self.live_bytes as u64 })
    }

    fn locate(&self, address: usize) -> Location {
        let below = self.live.range(..=address).next_back();
        match below.filter(|(start, layout)| address - **start < layout.size()) {
            Some((&start, &layout)) => Location::Live { start, layout },
            None if self.freed.contains(&address) => Location::Free { start: address },
            None => Location::Unknown,
        }
    }
}
