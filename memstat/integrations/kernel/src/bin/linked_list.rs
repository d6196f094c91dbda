//! A kernel with the crate linked_list_allocator. What memstat takes stands between the two marks.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::Write;
use core::hint::black_box;

use kernel_with_memstat::{Console, stack};
use linked_list_allocator::LockedHeap;
// glue: begin
use memstat::{Bare, Level, Over, Pages, Tracked, report};
static RECORDS: Pages<64> = Pages::new();
#[global_allocator]
static HEAP: Tracked<Over<LockedHeap>, Bare> = Tracked::over(Bare::new(), Over(LockedHeap::empty()), Level::Blocks);
// glue: end

static mut MEMORY: [u8; 1 << 20] = [0; 1 << 20];

fn start_memory() {
    // glue: begin
    HEAP.add_pages(&RECORDS);
    HEAP.with_backend(|heap| unsafe { heap.0.lock().init((&raw mut MEMORY).cast(), 1 << 20) });
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
    let mut kept: Vec<u64> = Vec::new();
    // glue: begin
    let mark = HEAP.leaks().mark();
    // glue: end
    for number in 0..100 {
        kept.push(number);
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
