//! The tracker over another allocator, `talc`, in a piece of memory that it shares out.
//!
//!     cargo run --example talc
//!
//! It shows the table of live blocks, and what becomes of frees that are wrong.

use std::alloc::Layout;
use std::ptr::NonNull;

use memstat::{Backend, HostPlatform, Level, Platform, Record, Tracked, report};
use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::Manual;

const MEMORY_BYTES: usize = 1 << 20;

/// `talc` as a backend. It does not know what is live, and does not check frees, so the tracker's map stands
/// before it.
struct TalcBackend(Talc<Manual, DefaultBinning>);

// SAFETY: talc hands out parts of the memory that it claimed, each once; and the layout of an allocation comes back
// with its free.
unsafe impl Backend for TalcBackend {
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let layout = Layout::from_size_align(self.usable_size_bytes(layout), layout.align()).ok()?;
        // SAFETY: the size is not zero.
        let block = unsafe { self.0.allocate(layout) }?;
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        let size_bytes = self.usable_size_bytes(layout);
        if let Ok(layout) = Layout::from_size_align(size_bytes, layout.align()) {
            // SAFETY: upheld by the caller.
            unsafe { self.0.deallocate(block.as_ptr(), layout) };
        }
        size_bytes
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        layout.size().max(1).next_multiple_of(8)
    }
}

fn main() {
    let memory = Box::leak(vec![0_u8; MEMORY_BYTES].into_boxed_slice());
    let mut talc = Talc::new(Manual);
    // SAFETY: the memory is leaked, so it is talc's for ever.
    unsafe { talc.claim(memory.as_mut_ptr(), memory.len()) }.expect("a mebibyte is enough");
    let heap = Tracked::over(HostPlatform, TalcBackend(talc), Level::Stacks);

    let layout = Layout::new::<[u64; 4]>();
    let blocks: Vec<_> = (0..3).filter_map(|_| heap.allocate(layout)).collect();
    let [first, second, _] = blocks.as_slice() else { unreachable!("talc has a mebibyte for three blocks") };

    // SAFETY: the first is live and nobody uses it; all other frees are wrong, and are refused.
    unsafe {
        heap.free(*first).expect("the first free is right");
        for (what, wrong) in [("the same again", *first), ("inside the second", second.add(8))] {
            match heap.free(wrong) {
                Ok(()) => println!("{what}: taken"),
                Err(bad) => println!("{what}: {bad}"),
            }
        }
        match heap.free_with_layout(*second, Layout::new::<u8>()) {
            Ok(()) => println!("with a wrong size: taken"),
            Err(bad) => println!("with a wrong size: {bad}"),
        }
    }

    let mut text = String::new();
    report::write_blocks_header(&heap.counters(), &mut text).expect("a string takes all text");
    let mut records = [Record::EMPTY; 16];
    let (count, _) = heap.blocks().read(0, &mut records);
    for record in records.iter().take(count) {
        let time_ns = heap.platform().stamp_to_ns(record.stamp());
        report::write_block(record, time_ns, None, &mut text).expect("a string takes all text");
    }
    print!("{text}");
}
