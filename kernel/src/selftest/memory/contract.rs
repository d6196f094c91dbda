//! The contract of the heaps, checked in the running kernel with each kind, over the kernel's own pages.

use core::ptr::NonNull;

use tally_heap::test_kit::contract;
use tally_heap::{Kind, PAGE_BYTES, PageSource, PageWords};

use super::NO_MEMORY;
use crate::memory::page_accounting::{HeapPages, Purpose, give_pages, managed, take_pages};
use crate::memory::pages::scratch::Scratch;
use crate::selftest::Outcome;

/// A heap of its own for each kind keeps the contract, whichever one the kernel runs on.
pub(crate) fn heaps_keep_the_contract() -> Outcome {
    let managed = managed();
    let words_bytes = PageWords::size_bytes(&managed);
    let order = words_bytes.div_ceil(PAGE_BYTES).next_power_of_two().trailing_zeros();
    for kind in Kind::ALL {
        let memory = take_pages(order, Purpose::Buffers).ok_or("no memory for a page map")?;
        // SAFETY: so many bytes, ours until the heap is gone.
        let words = unsafe { PageWords::new(&managed, memory.cast()) };
        let outcome = match Recalled::new() {
            Some(source) => contract::check(kind, source, words),
            None => Err(NO_MEMORY),
        };
        // SAFETY: the heap was dropped by `check`, and the words with it.
        unsafe { give_pages(memory, order, Purpose::Buffers) };
        if outcome.is_err() {
            log::error!("heap={} does not keep the contract", kind.name());
            return outcome;
        }
    }
    Ok(())
}

/// Pages for a heap that is dropped with blocks in it, where a test has failed: they come back nevertheless.
struct Recalled {
    source: HeapPages,
    /// Address and order of what is out; address 0 where there is none.
    taken: Scratch<(usize, u32)>,
}

// SAFETY: the table is nobody else's.
unsafe impl Send for Recalled {}

impl Recalled {
    fn new() -> Option<Self> {
        Some(Self { source: HeapPages, taken: Scratch::new(contract::PAGES, || (0, 0))? })
    }
}

// SAFETY: the source within keeps the contract.
unsafe impl PageSource for Recalled {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        let slot = self.taken.as_mut_slice().iter_mut().find(|(address, _)| *address == 0)?;
        let pages = self.source.take(order)?;
        *slot = (pages.as_ptr() as usize, order);
        Some(pages)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        let address = pages.as_ptr() as usize;
        if let Some(slot) = self.taken.as_mut_slice().iter_mut().find(|(taken, _)| *taken == address) {
            *slot = (0, 0);
        }
        // SAFETY: handed on to the caller.
        unsafe { self.source.give(pages, order) };
    }
}

impl Drop for Recalled {
    fn drop(&mut self) {
        for (address, order) in self.taken.as_mut_slice().iter() {
            if let Some(pages) = NonNull::new(*address as *mut u8) {
                // SAFETY: taken with this order and not given back; the heap that had them is gone.
                unsafe { self.source.give(pages, *order) };
            }
        }
    }
}
