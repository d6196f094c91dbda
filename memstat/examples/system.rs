//! An ordinary program whose every block is accounted for: the tracker over the system's allocator.
//!
//!     cargo run --example system
//!
//! It loses some memory, and the tracker shows how much and where.

mod host;

use std::alloc::System;
use std::ffi::c_void;
use std::fmt;

use host::HostPlatform;
use memstat::report::{self, Growth, GrowthByStack, Rank, TopStacks};
use memstat::{Level, Over, Platform, Record, Tracked};

#[global_allocator]
static HEAP: Tracked<Over<System>, HostPlatform> = Tracked::over(HostPlatform, Over(System), Level::Blocks);

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

fn main() {
    HostPlatform::start();
    HEAP.set_level(Level::Full);
    let mark = HEAP.leaks().sequence();
    serve(30);

    let mut text = String::new();
    show(mark, &mut text).expect("a string takes all text");
    print!("{text}");
}

/// Writes the reports. The text is on the heap that they are about, which is well: they lock nothing.
fn show(mark: u64, out: &mut String) -> fmt::Result {
    let to_ns = |stamp| HEAP.platform().stamp_to_ns(stamp);
    report::write_summary("system", HEAP.level(), &HEAP.counters(), &HEAP.statistics().since(), to_ns, out)?;

    // What came since the mark and is still live, by call stack.
    let mut stacks = vec![Growth::default(); usize::from(HEAP.stacks().count()) + 1];
    let mut growth = GrowthByStack::new(mark, HEAP.leaks().sequence(), &mut stacks);
    let mut records = [Record::EMPTY; 64];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = HEAP.blocks().read(from, &mut records);
        records.iter().take(count).for_each(|record| growth.add(record));
        cursor = next;
    }
    let mut top = TopStacks::<3>::new(Rank::LiveBlocks);
    growth.rank(&mut top, |number| HEAP.stacks().get(number));
    out.push_str("\nlive since the mark:\n");
    for (number, stack) in top.iter() {
        report::write_stack(*number, stack, Function, out)?;
    }
    Ok(())
}

/// The function that a return address lies in.
struct Function(usize);

impl fmt::Display for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = None;
        // The call itself is before the address that it returns to.
        backtrace::resolve((self.0 - 1) as *mut c_void, |symbol| {
            let line = symbol.lineno().unwrap_or(0);
            name = name.take().or_else(|| Some(format!("{} (line {line})", symbol.name()?)));
        });
        match name {
            Some(name) => out.write_str(&name),
            None => write!(out, "{:#x}", self.0),
        }
    }
}
