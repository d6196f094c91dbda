//! The kernel's own tests, run by the command `selftest` in the kernel that ships.
//!
//! A test leaves everything as it found it: run twice, the second run leaves the live bytes unchanged.

pub(crate) mod command;
mod dev;
pub(crate) mod drill;
pub(crate) mod fill;
mod leaks;
mod memory;
mod muted;
pub(crate) mod page_drill;
mod proc;
mod sampled;
mod symbols;
mod whatis;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use calendar::RateRange;
use vfs::OpenFlags;

use crate::arch::paging::rights;
use crate::arch::{clock, faults, idt};
use crate::fs::VFS;
use crate::memory::heap::tracker;

/// What a test finds: `Err` with what is wrong.
pub(crate) type Outcome = Result<(), &'static str>;

/// What a test finds that some machines give nothing to test.
pub(crate) type Finding = Result<Verdict, &'static str>;

/// What comes of a test that has found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All that it is about was tested.
    Passed,
    /// Some of it was not, for this reason.
    Skipped(&'static str),
}

const NO_MEMORY: &str = "no memory for the test";

/// A test.
pub(crate) struct Test {
    /// What must hold.
    pub(crate) name: &'static str,
    run: Run,
}

/// Finds out whether it does.
enum Run {
    /// On each machine.
    Always(fn() -> Outcome),
    /// Where there is something to test.
    Where(fn() -> Finding),
}

impl Test {
    const fn always(name: &'static str, run: fn() -> Outcome) -> Self {
        Self { name, run: Run::Always(run) }
    }

    const fn skippable(name: &'static str, run: fn() -> Finding) -> Self {
        Self { name, run: Run::Where(run) }
    }

    /// Runs it.
    pub(crate) fn run(&self) -> Finding {
        match self.run {
            Run::Always(run) => run().map(|()| Verdict::Passed),
            Run::Where(run) => run(),
        }
    }
}

/// All tests, in the order of running.
pub(crate) static TESTS: &[Test] = &[
    Test::always("breakpoint_returns", breakpoint_returns),
    Test::always("no_page_is_writable_and_executable", pages_keep_their_rights),
    Test::always("clock_advances", clock_advances),
    Test::always("clock_keeps_time_with_the_timer", clock_keeps_time_with_the_timer),
    Test::always("pages_free_and_taken_add_up", memory::accounting::pages_add_up),
    Test::always("memory_is_in_balance_and_a_lost_page_shows", memory::accounting::balance_holds),
    Test::always("every_page_has_a_number_and_none_is_0", memory::accounting::pages_have_numbers),
    Test::always("bad_frees_of_pages_do_no_harm", memory::pages::bad_frees_of_pages_do_no_harm),
    Test::always("pages_go_out_without_records", memory::pages::pages_go_out_without_records),
    Test::always("reading_of_pages_takes_none", memory::pages::reading_of_pages_takes_none),
    Test::skippable("heaps_keep_the_contract", memory::contract::heaps_keep_the_contract),
    Test::always("counters_map_and_rows_agree", counters_map_and_rows_agree),
    Test::always("ten_kmalloc_and_kfree_agree_at_every_step", memory::kmalloc::ten_blocks_agree),
    Test::always("kmalloc_contract", memory::kmalloc::kmalloc_contract),
    Test::always("krealloc_keeps_contents", memory::kmalloc::krealloc_keeps_contents),
    Test::always("alignment_up_to_2_mib", memory::kmalloc::alignment),
    Test::always("bad_frees_do_no_harm", memory::guards::bad_frees_do_no_harm),
    Test::skippable(
        "guards_find_what_is_planted_and_nothing_else",
        memory::guards::guards_find_what_is_planted,
    ),
    Test::skippable("accesses_past_sampled_blocks_are_caught", sampled::accesses_are_caught),
    Test::always("exhausted_heap_returns_null_and_recovers", memory::exhaustion::exhaustion),
    Test::skippable("reserves_are_reclaimed_before_memory_runs_out", memory::exhaustion::reclaim_comes_first),
    Test::always("whatis_agrees_with_walks", whatis::answers_agree_with_walks),
    Test::skippable("words_written_past_a_block_are_explained", whatis::words_are_explained),
    Test::always("boxes_and_vectors_work", boxes_and_vectors_work),
    Test::always("devices_keep_their_names", dev::devices_keep_their_names),
    Test::always("control_file_takes_commands", dev::control_file_takes_commands),
    Test::always("log_gives_what_it_got", dev::log_gives_what_it_got),
    Test::always("console_level_is_set", dev::console_level_is_set),
    Test::always("meminfo_adds_up", proc::meminfo_adds_up),
    Test::always("buddyinfo_is_what_is_free", proc::buddyinfo_is_what_is_free),
    Test::skippable("slabinfo_is_what_slabs_take", proc::slabinfo_is_what_slabs_take),
    Test::always("cpu_times_add_up", proc::cpu_times_add_up),
    Test::always("memstat_is_consistent", proc::memstat_is_consistent),
    Test::always("reading_ten_thousand_times_leaves_no_trace", proc::reading_leaves_no_trace),
    Test::always("reading_allocs_a_thousand_times_changes_nothing", reading_allocs_changes_nothing),
    Test::always("a_thousand_blocks_are_listed_once_each", memory::accounting::thousand_blocks_are_listed),
    Test::skippable("call_stacks_sum_up_to_the_totals", memory::accounting::stacks_sum_up),
    Test::skippable("lost_blocks_are_found_and_others_are_not", leaks::lost_blocks_are_found),
    Test::always("guarded_calls_are_survived", symbols::guarded_calls_are_survived),
    Test::skippable("own_functions_have_file_and_line", symbols::own_functions_are_named),
    Test::always(
        "a_hundred_thousand_blocks_are_recorded_or_counted",
        memory::accounting::hundred_thousand_blocks,
    ),
];

fn breakpoint_returns() -> Outcome {
    const BREAKPOINT: u8 = 3;
    let before = idt::count(BREAKPOINT);
    faults::breakpoint();
    if idt::count(BREAKPOINT) == before + 1 { Ok(()) } else { Err("the breakpoint was not counted") }
}

fn pages_keep_their_rights() -> Outcome {
    match rights::first_violation() {
        None => Ok(()),
        Some((address, what)) => {
            log::error!("{what}: {:#x}", address.as_u64());
            Err(what)
        }
    }
}

fn clock_advances() -> Outcome {
    let ticks = || idt::lines().first().map_or(0, |timer| timer.count);
    let (first, start_ns) = (ticks(), clock::uptime_ns());
    while ticks() < first + 3 {
        if clock::uptime_ns() > start_ns + 2_000_000_000 {
            return Err("no timer interrupt in two seconds");
        }
        core::hint::spin_loop();
    }
    Ok(())
}

/// The rate that seconds are made from, against the timer once more. It needs no interrupts, which a busy host loses.
fn clock_keeps_time_with_the_timer() -> Outcome {
    const TRIES: usize = 5;
    let mut answers = (0..TRIES).filter_map(|_| clock::measure_again()).peekable();
    if answers.peek().is_none() {
        return Err("the timer stands");
    }
    let (hz, slack_hz) = (clock::counter_hz(), clock::counter_hz() / 100);
    let is_in_time = |measured: RateRange| {
        measured.min_hz.saturating_sub(slack_hz) <= hz && hz <= measured.max_hz + slack_hz
    };
    if answers.any(is_in_time) {
        Ok(())
    } else {
        Err("the counter's rate and the timer differ by more than a hundredth")
    }
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
