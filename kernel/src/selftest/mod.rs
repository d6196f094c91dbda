//! The kernel's own tests, run by the command `selftest` in the kernel that ships.
//!
//! A test leaves everything as it found it: run twice, the second run leaves the live bytes unchanged.

mod dev;
pub(crate) mod drill;
pub(crate) mod fill;
mod leaks;
mod memory;
mod proc;
mod sampled;
mod symbols;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use vfs::OpenFlags;

use crate::arch::{clock, faults, idt, paging};
use crate::fs::VFS;
use crate::memory::heap::tracker;

/// What a test finds: `Err` with what is wrong.
pub(crate) type Outcome = Result<(), &'static str>;

const NO_MEMORY: &str = "no memory for the test";

/// A test.
pub(crate) struct Test {
    /// What must hold.
    pub(crate) name: &'static str,
    /// Finds out whether it does.
    pub(crate) run: fn() -> Outcome,
}

/// All tests, in the order of running.
pub(crate) static TESTS: [Test; 33] = [
    Test { name: "breakpoint_returns", run: breakpoint_returns },
    Test { name: "no_page_is_writable_and_executable", run: pages_keep_their_rights },
    Test { name: "clock_goes_on", run: clock_goes_on },
    Test { name: "pages_free_and_taken_add_up", run: memory::pages_add_up },
    Test { name: "heaps_keep_the_contract", run: memory::heaps_keep_the_contract },
    Test { name: "counters_map_and_rows_agree", run: counters_map_and_rows_agree },
    Test { name: "ten_kmalloc_and_kfree_agree_at_every_step", run: memory::ten_blocks_agree },
    Test { name: "kmalloc_contract", run: memory::kmalloc_contract },
    Test { name: "krealloc_keeps_contents", run: memory::krealloc_keeps_contents },
    Test { name: "alignment_up_to_2_mib", run: memory::alignment },
    Test { name: "bad_frees_do_no_harm", run: memory::bad_frees_do_no_harm },
    Test { name: "guards_find_what_is_planted_and_nothing_else", run: memory::guards_find_what_is_planted },
    Test { name: "accesses_past_sampled_blocks_are_caught", run: sampled::accesses_are_caught },
    Test { name: "exhausted_heap_says_null_and_recovers", run: memory::exhaustion },
    Test { name: "what_is_kept_in_hand_goes_before_memory_ends", run: memory::reclaim_comes_first },
    Test { name: "boxes_and_vectors_work", run: boxes_and_vectors_work },
    Test { name: "devices_keep_their_names", run: dev::devices_keep_their_names },
    Test { name: "control_file_takes_commands", run: dev::control_file_takes_commands },
    Test { name: "log_gives_what_it_got", run: dev::log_gives_what_it_got },
    Test { name: "console_level_is_set", run: dev::console_level_is_set },
    Test { name: "meminfo_adds_up", run: proc::meminfo_adds_up },
    Test { name: "buddyinfo_is_what_is_free", run: proc::buddyinfo_is_what_is_free },
    Test { name: "slabinfo_is_what_slabs_take", run: proc::slabinfo_is_what_slabs_take },
    Test { name: "cpu_times_add_up", run: proc::cpu_times_add_up },
    Test { name: "memstat_is_consistent", run: proc::memstat_is_consistent },
    Test { name: "reading_ten_thousand_times_leaves_no_trace", run: proc::reading_leaves_no_trace },
    Test { name: "reading_allocs_a_thousand_times_changes_nothing", run: reading_allocs_changes_nothing },
    Test { name: "a_thousand_blocks_are_listed_once_each", run: memory::thousand_blocks_are_listed },
    Test { name: "call_stacks_sum_up_to_the_totals", run: memory::stacks_sum_up },
    Test { name: "lost_blocks_are_found_and_others_are_not", run: leaks::lost_blocks_are_found },
    Test { name: "guarded_calls_are_survived", run: symbols::guarded_calls_are_survived },
    Test { name: "own_functions_have_file_and_line", run: symbols::own_functions_are_named },
    Test { name: "a_hundred_thousand_blocks_are_recorded_or_counted", run: memory::hundred_thousand_blocks },
];

fn breakpoint_returns() -> Outcome {
    const BREAKPOINT: u8 = 3;
    let before = idt::count(BREAKPOINT);
    faults::breakpoint();
    if idt::count(BREAKPOINT) == before + 1 { Ok(()) } else { Err("the breakpoint was not counted") }
}

fn pages_keep_their_rights() -> Outcome {
    match paging::first_violation() {
        None => Ok(()),
        Some((address, what)) => {
            log::error!("{what}: {address:#x}");
            Err(what)
        }
    }
}

fn clock_goes_on() -> Outcome {
    let (ticks, start_ns) = (clock::ticks(), clock::uptime_ns());
    while clock::ticks() < ticks + 3 {
        if clock::uptime_ns() > start_ns + 2_000_000_000 {
            return Err("no timer interrupt in two seconds");
        }
        core::hint::spin_loop();
    }
    Ok(())
}

/// Reads a file and counts its lines.
fn count_lines(path: &str) -> Result<usize, &'static str> {
    let file = VFS.open("/", path, OpenFlags::READ).map_err(|_| "a file of /proc does not open")?;
    let mut buffer = [0; 512];
    let mut lines = 0;
    while let Ok(count @ 1..) = VFS.read(file, &mut buffer) {
        lines += buffer.iter().take(count).filter(|byte| **byte == b'\n').count();
    }
    VFS.close(file).map_err(|_| "a file of /proc does not close")?;
    Ok(lines)
}

fn counters_map_and_rows_agree() -> Outcome {
    const HEAD_LINES: usize = 3;
    let counters = tracker().counters();
    let counted = counters.allocations as i64 - counters.frees as i64;
    if counters.live_blocks as i64 != counted + counters.uncounted_blocks {
        return Err("live blocks are not allocations minus frees");
    }
    if tracker().blocks().count() as u64 != counters.recorded_blocks() {
        return Err("the map has another number of blocks than the counters");
    }
    if count_lines("/proc/allocs")? != tracker().blocks().count() + HEAD_LINES {
        return Err("/proc/allocs has another number of rows than there are blocks");
    }
    Ok(())
}

fn boxes_and_vectors_work() -> Outcome {
    let before = tracker().counters();
    {
        let boxed = slice_of(1, |_| 17_u64)?;
        let mut numbers = Vec::new();
        numbers.try_reserve_exact(1000).map_err(|_| NO_MEMORY)?;
        numbers.extend(0..1000_u32);
        let mut text = String::new();
        text.try_reserve(5).map_err(|_| NO_MEMORY)?;
        text.push_str("tally");
        if *boxed != [17] || numbers.iter().sum::<u32>() != 499_500 || text.len() != 5 {
            return Err("wrong contents");
        }
        if tracker().counters().live_blocks != before.live_blocks + 3 {
            return Err("three values did not take three blocks");
        }
    }
    let after = tracker().counters();
    if after.live_blocks == before.live_blocks && after.live_bytes == before.live_bytes {
        Ok(())
    } else {
        Err("their blocks did not come back")
    }
}

/// A box; without memory an error, where `Box::new` would panic.
fn slice_of<T>(length: usize, value: impl FnMut(usize) -> T) -> Result<Box<[T]>, &'static str> {
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| NO_MEMORY)?;
    values.extend((0..length).map(value));
    Ok(values.into_boxed_slice())
}

fn reading_allocs_changes_nothing() -> Outcome {
    let (before, pages) = (tracker().counters(), crate::memory::free_pages());
    for _ in 0..1000 {
        count_lines("/proc/allocs")?;
    }
    if tracker().counters() != before {
        return Err("the heap's counters changed");
    }
    if crate::memory::free_pages() == pages { Ok(()) } else { Err("pages were lost") }
}
