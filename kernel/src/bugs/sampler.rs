//! A driver that samples with the clock chip: in each of its interrupts it takes a block for the sample, and gives the
//! one of the sample before back. It has a bug, for people to find.
//!
//! The mistake is not the handler's, which may use the heap, as all handlers. It is in
//! [`compare_while_the_allocator_is_locked`], which waits for an interrupt where none may come.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use memstat::Backend;

use crate::arch::{clock, cpu, periodic};
use crate::memory::heap::{kfree, kmalloc, tracker};

/// One sample: its time in nanoseconds since the start, in the byte order of memory.
type Sample = [u8; 8];

/// Interrupts so far.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
/// Those for whose sample there was no memory.
static MISSED: AtomicU32 = AtomicU32::new(0);
static NEWEST: AtomicPtr<Sample> = AtomicPtr::new(null_mut());

/// Samples for a while, and checks the heap meanwhile.
#[inline(never)]
pub(crate) fn sample_heap() {
    INTERRUPTS.store(0, Ordering::Relaxed);
    MISSED.store(0, Ordering::Relaxed);
    periodic::start("sampler", take_sample);
    wait_for_next_sample();
    compare_while_the_allocator_is_locked();
    wait_for_next_sample();
    periodic::stop();
    let newest = NEWEST.swap(null_mut(), Ordering::Relaxed);
    // SAFETY: from `take_sample`, which runs no more.
    unsafe { kfree(newest.cast()) };
    let (interrupts, missed) = (INTERRUPTS.load(Ordering::Relaxed), MISSED.load(Ordering::Relaxed));
    log::info!("sampler: {interrupts} interrupts, {missed} without memory for a sample");
}

/// The interrupt's handler.
#[inline(never)]
fn take_sample() {
    let older = NEWEST.swap(null_mut(), Ordering::Relaxed);
    // SAFETY: from this function, and taken out: nobody else has it.
    unsafe { kfree(older.cast()) };
    let sample = kmalloc(size_of::<Sample>()).cast::<Sample>();
    if sample.is_null() {
        MISSED.fetch_add(1, Ordering::Relaxed);
    } else {
        // SAFETY: a fresh block of that size.
        unsafe { sample.write(clock::uptime_ns().to_ne_bytes()) };
        NEWEST.store(sample, Ordering::Relaxed);
    }
    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
    periodic::acknowledge();
}

/// Wants a sample and what the heap holds at the same time.
#[inline(never)]
fn compare_while_the_allocator_is_locked() {
    let live = tracker().with_backend(|heap| {
        // The mistake: the allocator's lock is held here, and this turns interrupts on.
        wait_for_next_sample();
        heap.live()
    });
    log::debug!("sampler: {live:?} live at the sample");
}

/// Waits with interrupts on; the number of waits is limited, in case there is no clock chip.
#[inline(never)]
fn wait_for_next_sample() {
    const MAX_WAITS: u32 = 20;
    let before = INTERRUPTS.load(Ordering::Relaxed);
    for _ in 0..MAX_WAITS {
        cpu::wait_for_interrupt_unless(|| INTERRUPTS.load(Ordering::Relaxed) != before);
    }
}
