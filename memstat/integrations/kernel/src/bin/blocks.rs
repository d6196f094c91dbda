//! A kernel with a block allocator of its own. What memstat takes stands between the two marks.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::fmt::Write;
use core::hint::black_box;
use core::ptr::null_mut;

use kernel_with_memstat::{Console, stack};
use spin::Mutex;
// glue: begin
use memstat::{Bare, Level, Over, Pages, Tracked, report};
static RECORDS: Pages<64> = Pages::new();
#[global_allocator]
static HEAP: Tracked<Over<Blocks>, Bare> = Tracked::over(Bare::new(), Over(Blocks::new()), Level::Blocks);
// glue: end

const BLOCK_BYTES: usize = 1024;
const BLOCKS: usize = 512;

/// Blocks of one size, each free or not.
struct Blocks(Mutex<[u64; BLOCKS / 64]>);

static mut MEMORY: [[u128; BLOCK_BYTES / 16]; BLOCKS] = [[0; BLOCK_BYTES / 16]; BLOCKS];

impl Blocks {
    const fn new() -> Self {
        Self(Mutex::new([0; BLOCKS / 64]))
    }
}

// SAFETY: each block is handed out once, by its bit.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > BLOCK_BYTES || layout.align() > 16 {
            return null_mut();
        }
        for (place, used) in self.0.lock().iter_mut().enumerate() {
            let bit = used.trailing_ones() as usize;
            if bit < 64 {
                *used |= 1 << bit;
                return (&raw mut MEMORY).cast::<u8>().wrapping_add((place * 64 + bit) * BLOCK_BYTES);
            }
        }
        null_mut()
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        let number = (block as usize - (&raw const MEMORY) as usize) / BLOCK_BYTES;
        self.0.lock()[number / 64] &= !(1 << (number % 64));
    }
}

fn start_memory() {
    // glue: begin
    HEAP.add_pages(&RECORDS);
    unsafe { HEAP.platform().set_stack(stack()) };
    HEAP.set_level(Level::Stacks);
    // glue: end
}

#[inline(never)]
fn lose(number: u64) {
    black_box(Box::leak(Box::new([number; 4])));
}

#[unsafe(no_mangle)]
fn main() {
    start_memory();
    let mut kept: Vec<Box<u64>> = Vec::new();
    // glue: begin
    let mark = HEAP.leaks().mark();
    // glue: end
    for number in 0..100 {
        kept.push(Box::new(number));
        if number % 10 == 0 {
            lose(number);
        }
    }
    drop(black_box(kept));
    let _ = writeln!(Console, "report:");
    // glue: begin
    let _ = report::write_leaks_since(&HEAP, &mark, &mut Console);
    // glue: end
    let _ = writeln!(Console, "done");
}
