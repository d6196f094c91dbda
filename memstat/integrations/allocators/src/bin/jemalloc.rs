//! A program over jemalloc, which loses some memory and reports it.

use std::fmt;

use memstat::{Host, Level, report};

#[global_allocator]
static HEAP: Host<tikv_jemallocator::Jemalloc> = Host::over(tikv_jemallocator::Jemalloc);

#[inline(never)]
fn lose(number: usize) {
    std::mem::forget(std::hint::black_box(vec![number as u8; 100 + number]));
}

fn main() -> fmt::Result {
    HEAP.set_level(Level::Stacks);
    let mark = HEAP.leaks().mark();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| (0..100).for_each(lose))).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
    let mut text = String::new();
    report::write_leaks_since(&HEAP, &mark, &mut text)?;
    print!("{text}");
    assert!(text.contains("+400 blocks") && text.contains("lose+0x"));
    Ok(())
}
