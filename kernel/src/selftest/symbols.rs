//! The tests of names and of the guard, in the running kernel.

use core::hint::black_box;

use crate::arch::guarded::{self, Abandoned};
use crate::arch::{VAddr, backtrace, cpu, faults};
use crate::boot_info;
use crate::memory::pages::symbol_arena;
use crate::memory::{Purpose, pages_for};
use crate::selftest::{Finding, Outcome, Verdict};
use crate::symbols::{CallPath, resolve, site};

const FIRST_LINE: u32 = line!();

/// Where it was called from.
#[inline(never)]
fn outer() -> VAddr {
    black_box(inner()) + black_box(0_u64)
}

#[expect(clippy::inline_always, reason = "the frame of an inlined function is what is tested")]
#[inline(always)]
fn inner() -> VAddr {
    black_box(return_address())
}

#[inline(never)]
fn return_address() -> VAddr {
    // With something on its stack the function has a frame before it reads the frame pointer.
    black_box(&0_usize);
    black_box(backtrace::walk(cpu::frame_pointer()).next().unwrap_or(VAddr::zero()))
}

const LAST_LINE: u32 = line!();

/// A return address has the names of the functions it lies in, the inlined one first, with file and line.
pub(crate) fn own_functions_are_named() -> Finding {
    let address = black_box(outer());
    let mut names = arrayvec::ArrayVec::<_, 4>::new();
    resolve(address, &mut |frame, _| {
        let _ = names.try_push(*frame);
    });
    if is_without_lines() {
        return Ok(Verdict::Skipped("no debug information, or no memory for its index"));
    }
    let [first, second] = names.as_slice() else {
        log::error!("{} names: {}", names.len(), CallPath::of_return_address(address, 4));
        return Err("not one inlined function and one other");
    };
    for (frame, name) in [(first, "inner"), (second, "outer")] {
        if frame.bare_name() != name || frame.crate_name().as_str() != "tally" {
            return Err("wrong function");
        }
        if frame.path.as_str() != file!() || !(FIRST_LINE..LAST_LINE).contains(&frame.line) {
            return Err("wrong file or line");
        }
    }
    if first.offset.is_some() || second.offset.is_none() {
        return Err("the inlined function has an offset, or the other has none");
    }
    match site(address) {
        Some(frame) if frame.bare_name() == "inner" => Ok(Verdict::Passed),
        _ => Err("the site is another function"),
    }
}

/// Whether the command line damages what names come from, or there was no memory for an index.
fn is_without_lines() -> bool {
    let words = &mut boot_info::facts().command_line.text().split_ascii_whitespace();
    words.any(|word| word.starts_with("symbols=")) || pages_for(Purpose::Names) == 0
}

/// Faults, panics, a stack overflow and exhausted memory end a guarded call, and nothing else.
pub(crate) fn guarded_calls_are_survived() -> Outcome {
    const BAD: [(&str, fn()); 5] = [
        ("a null pointer", faults::read_null),
        ("an unmapped address", faults::write_unmapped),
        ("a stack overflow", faults::overflow_stack),
        ("a panic", || panic!("asked for by a test")),
        ("exhausted memory", || drop(black_box(alloc::vec::Vec::<u8>::with_capacity(1 << 40)))),
    ];
    for (what, function) in BAD {
        if symbol_arena::call(function) != Err(Abandoned::Failed) {
            log::error!("a guarded call was not abandoned after {what}");
            return Err("a guarded call returned where it should have been abandoned");
        }
    }
    if guarded::call(|| guarded::call(|| 1)) != Ok(Err(Abandoned::Busy)) {
        return Err("two guarded calls at once");
    }
    if guarded::call(|| 17) == Ok(17) { Ok(()) } else { Err("a good call has no result") }
}
