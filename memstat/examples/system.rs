//! An ordinary program whose every block is accounted for.
//!
//!     cargo run -p memstat --features std --example system
//!
//! It loses some memory, and the tracker shows how much and where. The same without a line of its own, for the whole
//! program, is `MEMSTAT=stacks,report`.

use std::fmt;

use memstat::{Host, Level, report};

#[global_allocator]
static HEAP: Host = Host::new();

/// Keeps a buffer a request and forgets every third.
#[inline(never)]
fn serve(requests: usize) {
    for number in 0..requests {
        let buffer = vec![number as u8; 100 + number];
        if number.is_multiple_of(3) {
            lose(buffer);
        }
    }
}

#[inline(never)]
fn lose(buffer: Vec<u8>) {
    std::mem::forget(buffer.into_boxed_slice());
}

fn main() -> fmt::Result {
    HEAP.set_level(Level::Stacks);
    let mark = HEAP.leaks().mark();
    serve(30);

    // The text is on the heap that it is about, which is well: no report locks that heap.
    let mut text = String::new();
    report::write_totals(&HEAP, "system", &mut text)?;
    text.push_str("\nsince the mark:\n");
    report::write_leaks_since(&HEAP, &mark, &mut text)?;
    print!("{text}");
    Ok(())
}
