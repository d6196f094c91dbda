//! A program with many threads, each of which loses some memory. What memstat takes stands between the two marks; the rest
//! comes from the environment: `MEMSTAT=stacks,report=FILE`.

use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

// glue: begin
#[global_allocator]
static HEAP: memstat::Host = memstat::Host::new();
// glue: end

#[inline(never)]
fn lose(number: usize) {
    std::mem::forget(black_box(vec![number as u8; 100]));
}

/// Loses a block under many frames.
#[inline(never)]
fn lose_below(depth: u32) {
    if depth == 0 {
        std::mem::forget(black_box(vec![1_u8; 5000]));
    } else {
        lose_below(depth - 1);
    }
    black_box(depth);
}

fn work() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for number in 0..1000_usize {
        kept.push(vec![number as u8; 1 + number % 600]);
        if number % 2 == 0 {
            kept.swap_remove(number / 3 % kept.len());
        }
        if number % 100 == 0 {
            lose(number);
        }
    }
}

fn main() {
    let threads: Vec<_> = (0..8).map(|_| thread::spawn(work)).collect();
    // Forks while the threads allocate, and allocates in the child, which it could not if a lock were held there.
    for _ in 0..20 {
        let mut command = Command::new("true");
        // SAFETY: the allocator works after a fork: that is what is tried here.
        unsafe { command.pre_exec(|| Ok(drop(black_box(vec![1_u8; 100])))) };
        assert!(command.status().is_ok_and(|status| status.success()));
    }
    lose_below(40);
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    if std::env::args().nth(1).as_deref() == Some("wait") {
        println!("ready");
        let _ = std::io::stdin().read_line(&mut String::new());
    }
}
