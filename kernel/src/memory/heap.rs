//! The kernel's heap: a backend, tracked by memstat, behind `alloc` and behind kmalloc.
//!
//! The functions of the interface are in the section `.text.allocator`, by which `is_allocator_code` recognises them: call
//! stacks start with their callers. The tracker's own functions are never on a recorded stack.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::fmt;
use core::ops::Range;
use core::ptr::{NonNull, null_mut};

use config::Config;
use memstat::{BadFree, Counters, GuardLevel, Tracked, report};
use tally_heap::Heap;

use super::page_accounting::{self, HeapPages};
use super::pages::symbol_arena;
use super::platform::{self, KernelPlatform};
use crate::arch::{VAddr, cpu};

/// Alignment of blocks of kmalloc: enough for all types but wide vectors.
const KMALLOC_ALIGN_BYTES: usize = 16;
/// The arena's first memory: records for the first thousand blocks.
const FIRST_ARENA_BYTES: usize = 64 << 10;

/// The tracker over the kernel's backend.
pub(crate) type KernelTracker = Tracked<Heap<HeapPages>, KernelPlatform>;

#[global_allocator]
static HEAP: KernelHeap = KernelHeap { tracker: Tracked::new(KernelPlatform) };

#[repr(C, align(4096))]
struct FirstArena(UnsafeCell<[u8; FIRST_ARENA_BYTES]>);

// SAFETY: `start` hands the bytes to the arena, which is then their only user.
unsafe impl Sync for FirstArena {}

static FIRST_ARENA: FirstArena = FirstArena(UnsafeCell::new([0; FIRST_ARENA_BYTES]));

/// Starts the heap: the arena's first bytes, then the backend.
pub(super) fn start(backend: Heap<HeapPages>) {
    if let Some(first) = NonNull::new(FIRST_ARENA.0.get().cast::<u8>()) {
        // SAFETY: page aligned, in .bss for ever, and used by nobody else.
        unsafe { HEAP.tracker.add_first_pages(first, FIRST_ARENA_BYTES) };
    }
    HEAP.tracker.start(backend);
}

/// Configures the tracker by the command line.
pub(crate) fn configure(config: &Config) {
    if let Some(limit_bytes) = config.arena_limit_bytes {
        HEAP.tracker.set_arena_limit_bytes(limit_bytes);
    }
    if let Some(events) = config.history_events {
        HEAP.tracker.history().set_capacity(events);
    }
    HEAP.tracker.set_level(config.level);
    set_guard(config.guard);
    if let Some(slots) = config.sample_slots {
        HEAP.tracker.guards().set_sample_slots(slots);
    }
    if !HEAP.tracker.guards().set_sampling_interval(config.sample_interval) {
        log::warn!("guard.sample: there is no memory for it");
    }
}

/// Sets how new blocks are guarded. With [`GuardLevel::Full`], free pages are filled with poison too.
pub(crate) fn set_guard(level: GuardLevel) {
    HEAP.tracker.guards().set_level(level);
    page_accounting::set_poison(level == GuardLevel::Full);
}

/// The tracker, for reports.
pub(crate) fn tracker() -> &'static KernelTracker {
    &HEAP.tracker
}

/// The name of the backend that was chosen.
pub(crate) fn backend_name() -> &'static str {
    HEAP.tracker.with_backend(Heap::name).unwrap_or("none")
}

/// The variables that hold addresses of blocks for accounting, which are no references: the tracker with the backend's
/// lists, and the arena's first memory. The rest of the arena is in pages of its own.
pub(super) fn own_statics() -> [Range<VAddr>; 2] {
    let span =
        |start: usize, size_bytes: usize| VAddr::from_usize(start)..VAddr::from_usize(start + size_bytes);
    [
        span((&raw const HEAP) as usize, size_of_val(&HEAP)),
        span((&raw const FIRST_ARENA) as usize, size_of_val(&FIRST_ARENA)),
    ]
}

/// Allocates `size_bytes` bytes, aligned to 16, with arbitrary contents. Null if there is no memory. A size of 0 returns a
/// unique block without usable bytes.
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) fn kmalloc(size_bytes: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(size_bytes, KMALLOC_ALIGN_BYTES) else { return null_mut() };
    HEAP.tracker.allocate(layout).map_or(null_mut(), NonNull::as_ptr)
}

/// Like [`kmalloc`], with all bytes zero.
#[unsafe(link_section = ".text.allocator")]
pub(crate) fn kzalloc(size_bytes: usize) -> *mut u8 {
    let block = kmalloc(size_bytes);
    if !block.is_null() {
        // SAFETY: a fresh block of that many bytes.
        unsafe { block.write_bytes(0, size_bytes) };
    }
    block
}

/// Resizes the block at `block`, and returns its address, which may change; contents are kept up to the smaller size. Null
/// if there is no memory; then the old block is unchanged. With a null `block` this is [`kmalloc`]; a size of 0 frees the
/// block and returns null. A pointer that is not a live block is reported, and null is returned.
///
/// # Safety
///
/// If `block` is a live block, it belongs to the caller, who does not use the old address after a move.
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) unsafe fn krealloc(block: *mut u8, new_size_bytes: usize) -> *mut u8 {
    let Some(pointer) = NonNull::new(block) else { return kmalloc(new_size_bytes) };
    if new_size_bytes == 0 {
        // SAFETY: upheld by the caller.
        unsafe { kfree(block) };
        return null_mut();
    }
    // SAFETY: upheld by the caller.
    match unsafe { HEAP.tracker.reallocate(pointer, new_size_bytes) } {
        Ok(moved) => moved.map_or(null_mut(), NonNull::as_ptr),
        Err(bad) => {
            report_bad_free(bad, cpu::frame_pointer().as_usize());
            null_mut()
        }
    }
}

/// Frees the block at `block`; null is ignored. A pointer that is not a live block is reported, and nothing is freed.
///
/// # Safety
///
/// If `block` is a live block, nobody uses it any more.
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) unsafe fn kfree(block: *mut u8) {
    // SAFETY: upheld by the caller.
    unsafe { HEAP.tracker.free_or(block, report_bad_free) };
}

/// The usable size in bytes of the live block at `block`, at least the size requested; 0 if there is no such block.
pub(crate) fn ksize(block: *const u8) -> usize {
    NonNull::new(block.cast_mut()).and_then(|block| HEAP.tracker.usable_size_bytes(block).ok()).unwrap_or(0)
}

/// Keeps the whole interface in every build, whether or not each function is called.
const _: () = {
    let _: fn(usize) -> *mut u8 = kzalloc;
    let _: fn(*const u8) -> usize = ksize;
    let _: unsafe fn(*mut u8, usize) -> *mut u8 = krealloc;
};

/// Logs the active blocks and their bytes.
pub(crate) fn print_mem_stats() {
    log::info!("memory: {}", Stats(HEAP.tracker.counters()));
}

/// Counters as the line of the report.
pub(crate) struct Stats(pub(crate) Counters);

impl fmt::Display for Stats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        report::print_mem_stats(&self.0, out)
    }
}

/// Reports a refused free. The tracker's lock is not held here.
#[cold]
#[inline(never)]
fn report_bad_free(bad: BadFree, frame_pointer: usize) {
    platform::report_bad_free(&bad, VAddr::from_usize(frame_pointer));
}

/// The global allocator: the tracker, with reports of bad frees. Allocations of the symboliser go to its own arena.
struct KernelHeap {
    tracker: KernelTracker,
}

// SAFETY: the tracker keeps GlobalAlloc's contract.
unsafe impl GlobalAlloc for KernelHeap {
    #[unsafe(link_section = ".text.allocator")]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if symbol_arena::is_used() {
            return symbol_arena::allocate(layout);
        }
        self.tracker.allocate(layout).map_or(null_mut(), NonNull::as_ptr)
    }

    #[unsafe(link_section = ".text.allocator")]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: upheld by the caller.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: a fresh block of at least that size.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[unsafe(link_section = ".text.allocator")]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if symbol_arena::is_used() {
            return symbol_arena::free(block);
        }
        // SAFETY: the caller gives the block up.
        unsafe { self.tracker.free_with_layout_or(block, layout, report_bad_free) };
    }

    #[unsafe(link_section = ".text.allocator")]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size_bytes: usize) -> *mut u8 {
        if symbol_arena::is_used() {
            // SAFETY: upheld by the caller, which has blocks from there only.
            return unsafe { symbol_arena::reallocate(block, layout, new_size_bytes) };
        }
        let Some(block) = NonNull::new(block) else { return null_mut() };
        // SAFETY: the caller owns the block and gives it up if it moves.
        match unsafe { self.tracker.reallocate_with_layout(block, layout, new_size_bytes) } {
            Ok(moved) => moved.map_or(null_mut(), NonNull::as_ptr),
            Err(bad) => {
                report_bad_free(bad, cpu::frame_pointer().as_usize());
                null_mut()
            }
        }
    }
}
