//! Each `bug` of the kernel: the report names the functions that made the mistake, with file and line, which are
//! checked with the sources. After bugs that the kernel survives, all figures are consistent.

use super::sources::{ADAPTER, BUG, CACHE, DRIVERS, FAULTS, MAILBOX, PACKETS, PARSER, RINGS, SAMPLER, stack};
use super::{is_consistent, stopped_report, with_words};
use crate::error::{Error, Result, ensure};
use crate::figures::Allocs;
use crate::machine::{DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words(
        "bug-deadlock",
        "an interrupt that needs the allocator's lock is refused, and both stacks are named",
        "memstat=full",
        deadlock_is_refused,
    ),
    with_words(
        "bug-deadlock-guarded",
        "the same at guard=full on tlsf, without call stacks recorded",
        "memstat=blocks guard=full heap=tlsf",
        deadlock_is_refused,
    ),
    with_words(
        "bug-stop-lock",
        "a lock that its own holder takes is a panic that names both places",
        "",
        lock_held_here_is_reported,
    ),
    with_words("bug-stop-null", "a null pointer's reader is named, with its line", "", null_is_named),
    with_words(
        "bug-stop-recursion",
        "a recursion without end is named, with its line",
        "",
        recursion_is_named,
    ),
    with_words("bug-stop-fault", "a wild write is named, with its line", "", wild_write_is_named),
    with_words("bug-stop-panic", "a panic's line is the one that panics", "", panic_is_named),
    with_words(
        "bug-double-free",
        "who freed first and who freed again are named",
        "guard=free",
        double_free_is_named,
    ),
    with_words(
        "bug-double-free-unguarded",
        "without guards too: the first free by its innermost callers",
        "",
        first_free_is_named_unguarded,
    ),
    with_words("bug-double-free-full", "the same with events", "memstat=full", first_free_is_named_unguarded),
    with_words("bug-stale-free", "who moved a block is named as who freed it first", "", stale_free_is_named),
    with_words("bug-invalid-free", "who frees a pointer into a block is named", "", invalid_free_is_named),
    with_words("bug-overrun", "whose block it was is named", "guard=redzone", overrun_is_named),
    with_words(
        "bug-use-after-free",
        "who allocated and who freed are named",
        "guard=full",
        late_write_is_named,
    ),
    with_words("bug-leak", "a block that stays is named by the call that asked for it", "", leak_is_named),
    with_words(
        "bug-leak-pages",
        "pages that a driver loses are named by marks, scans and files, with the call that took them",
        "",
        lost_pages_are_named,
    ),
    with_words(
        "bug-double-free-pages",
        "who took pages, who gave them back first and who again are named",
        "",
        |vm| {
            vm.wait_for_boot()?;
            judge_pages_given_twice(vm)
        },
    ),
    with_words(
        "bug-page-overrun",
        "a write behind a driver's pages is found by the poison of the free page after them",
        "guard=full",
        |vm| {
            vm.wait_for_boot()?;
            judge_page_overrun(vm)
        },
    ),
    Scenario {
        name: "bug-oom",
        about: "one report names who asked and who has most, and all is free again",
        judge: Judge::Drive(Machine { memory_mib: 64, ..DEFAULT }, cache_is_named),
    },
    Scenario {
        name: "bug-oom-taken",
        about: "with red zones the bytes taken stand beside those asked for, and add up to the heap's",
        judge: Judge::Drive(
            Machine { memory_mib: 64, cmdline: "guard=redzone", ..DEFAULT },
            taken_bytes_add_up,
        ),
    },
    with_words(
        "bug-all",
        "all that can be lived with, one after the other",
        "memstat=full guard=full",
        |vm| {
            vm.wait_for_boot()?;
            for judge in [
                judge_double_free,
                judge_stale_free,
                judge_invalid_free,
                judge_overrun,
                judge_late_write,
                judge_leak,
                judge_pages_given_twice,
                judge_page_overrun,
                judge_deadlock,
                judge_cache,
            ] {
                judge(vm)?;
            }
            Ok(())
        },
    ),
];

fn deadlock_is_refused(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_deadlock(vm)
}

fn judge_deadlock(vm: &mut Vm) -> Result<()> {
    let report = vm.run("bug deadlock")?;
    let parts: Vec<&str> = report.split("deadlock: ").collect();
    let [_, freed, allocated] = parts.as_slice() else {
        return Err(Error::Wrong(format!("not two reports, of a free and of an allocation:\n{report}")));
    };
    for (report, words, code) in
        [(freed, "that block stays live", "kfree(older"), (allocated, "an allocation of 8 bytes", "kmalloc(")]
    {
        ensure!(report.contains(words), "no `{words}` in:\n{report}");
        let wanted = stack(report, "wanted by:")?;
        SAMPLER.expect(wanted, "take_sample", code)?;
        ensure!(wanted.contains("interrupt_common+0x"), "the entry of interrupts has no name in:\n{wanted}");
        ensure!(wanted.contains("tally_interrupt"), "the handler's stack does not say so:\n{wanted}");
        ensure!(!wanted.contains("sample_heap"), "the handler's stack is not its own:\n{wanted}");
        let held = stack(report, "held by:")?;
        ensure!(held.contains("wait_for_next_sample"), "the interrupted function is not named:\n{held}");
        SAMPLER.expect(held, &format!("{{closure#0}} {}", SAMPLER.path), "wait_for_next_sample()")?;
        SAMPLER.expect(held, "compare_while_the_allocator_is_locked", "with_backend(")?;
        SAMPLER.expect(held, "sample_heap", "compare_while_the_allocator_is_locked()")?;
    }
    ensure!(
        allocated.contains(" 1 without memory for a sample"),
        "the driver does not continue:\n{allocated}"
    );
    let file = vm.run("cat /proc/memstat")?;
    ensure!(file.contains("refused: 1 allocations, 1 frees, 0 reallocations"), "{file}");
    ensure!(file.contains(" 0 failures, "), "{file}");
    // The block whose free was refused is the only one that stays.
    let allocs = vm.run("cat /proc/allocs")?;
    ensure!(allocs.matches("            8       16 ").count() == 1, "not one block stays:\n{allocs}");
    is_consistent(vm)
}

fn lock_held_here_is_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = stopped(vm, "bug lock-twice")?;
    MAILBOX.expect(&report, "panic at", "LETTERS.lock()")?;
    let (_, since) = report.split_once("deadlock: this CPU itself has held the lock ").unwrap_or_default();
    MAILBOX.expect(since, "since", "LETTERS.lock()")?;
    MAILBOX.expect(&report, "mailbox::post", "LETTERS.lock()")?;
    MAILBOX.expect(&report, "mailbox::deliver_with_the_mailbox_locked", "receive(letter)")
}

fn null_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = stopped(vm, "bug null")?;
    ensure!(report.contains("null pointer"), "no null pointer in:\n{report}");
    ADAPTER.expect(&report, "adapter::read_adapter_that_was_never_found", "adapter.read_volatile()")?;
    ADAPTER.expect(&report, "adapter::show_speed", "read_adapter_that_was_never_found()")
}

fn recursion_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = stopped(vm, "bug stack-overflow")?;
    ensure!(report.contains("stack overflow"), "no stack overflow in:\n{report}");
    let calls = report.matches("parser::parse_list_without_a_limit").count();
    ensure!(calls > 8, "{calls} calls of the parser in:\n{report}");
    let (_, callers) = report.split_once("parser::parse_list_without_a_limit").unwrap_or_default();
    PARSER.expect(callers, "parser::parse_list_without_a_limit", "parse_list_without_a_limit(text)?")
}

fn wild_write_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = stopped(vm, "bug page-fault")?;
    ensure!(report.contains("could not write 0xffff"), "no wild write in:\n{report}");
    FAULTS.expect(&report, "faults::write_unmapped", "mov qword ptr")
}

fn panic_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = stopped(vm, "bug panic")?;
    BUG.expect(&report, "panic at", "panic!")?;
    ensure!(report.contains("asked for by a person"), "the message is not in:\n{report}");
    ensure!(report.contains("run_command"), "the call stack ends too early in:\n{report}");
    Ok(())
}

fn double_free_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_double_free(vm)
}

fn judge_double_free(vm: &mut Vm) -> Result<()> {
    let report = survived(vm, "bug double-free", "double free of")?;
    shared_frames_are_shown_once(vm, 2)?;
    judge_frees(&report)
}

/// The path from the shell to the driver is in the first call stack; so many others refer to it.
fn shared_frames_are_shown_once(vm: &mut Vm, others: usize) -> Result<()> {
    vm.run("echo frames all > /proc/memstat_control")?;
    let report = survived(vm, "bug double-free", "double free of")?;
    vm.run("echo frames own > /proc/memstat_control")?;
    for (words, count) in [("execute::run_command+0x", 1), ("    ... as above from tally::", others)] {
        ensure!(
            report.matches(words).count() == count,
            "`{words}` does not stand {count} times in:\n{report}"
        );
    }
    Ok(())
}

fn judge_frees(report: &str) -> Result<()> {
    let first = stack(report, "freed first")?;
    DRIVERS.expect(first, "drivers::clean_up_after_failed_start", "buffer.free()")?;
    DRIVERS.expect(first, "drivers::fail_to_start", "clean_up_after_failed_start(buffer)")?;
    let second = stack(report, "this free:")?;
    DRIVERS.expect(second, "drivers::remove_device_that_never_started", "kfree(buffer)")?;
    DRIVERS.expect(second, "drivers::fail_to_start", "remove_device_that_never_started(start)")?;
    let allocated = stack(report, "allocated with 64 bytes")?;
    DRIVERS.expect(allocated, "drivers::fail_to_start", "Buffer::new(64)")
}

fn first_free_is_named_unguarded(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let report = survived(vm, "bug double-free", "double free of")?;
    judge_frees(&report)?;
    ensure!(
        report.contains("; its innermost callers (guard=free keeps them all):"),
        "no remedy in:\n{report}"
    );
    ensure!(
        !stack(&report, "freed first")?.contains("bugs::command::run"),
        "more than two callers in:\n{report}"
    );
    shared_frames_are_shown_once(vm, 1)
}

fn stale_free_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_stale_free(vm)
}

fn judge_stale_free(vm: &mut Vm) -> Result<()> {
    let report = survived(vm, "bug stale-free", "double free of")?;
    let second = stack(&report, "this free:")?;
    DRIVERS.expect(second, "drivers::free_list_where_it_was", "kfree(start)")?;
    let allocated = stack(&report, "allocated with 48 bytes")?;
    DRIVERS.expect(allocated, "drivers::close_list_that_moved", "Buffer::new(48)")?;
    let first = stack(&report, "freed first")?;
    DRIVERS.expect(first, "drivers::grow_list", "krealloc(list.start, SIZE_BYTES)")?;
    DRIVERS.expect(first, "drivers::close_list_that_moved", "grow_list(list)")
}

fn invalid_free_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_invalid_free(vm)
}

fn judge_invalid_free(vm: &mut Vm) -> Result<()> {
    let report = survived(vm, "bug invalid-free", "17 bytes inside the live block")?;
    let free = stack(&report, "this free:")?;
    DRIVERS.expect(free, "drivers::free_text_where_parsing_ended", "kfree(position)")?;
    DRIVERS.expect(free, "drivers::parse_text", "free_text_where_parsing_ended(")?;
    let allocated = stack(&report, "allocated with 80 bytes")?;
    DRIVERS.expect(allocated, "drivers::parse_text", "Buffer::new(80)")
}

fn overrun_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_overrun(vm)
}

fn judge_overrun(vm: &mut Vm) -> Result<()> {
    let report = survived(vm, "bug overrun", "overrun: a write 0 bytes past the end")?;
    let allocated = stack(&report, "allocated with 23 bytes")?;
    DRIVERS.expect(allocated, "drivers::name_device", "Buffer::of_bytes(")?;
    DRIVERS.expect(stack(&report, "found by:")?, "drivers::name_device", "room.free()")
}

fn late_write_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_late_write(vm)
}

fn judge_late_write(vm: &mut Vm) -> Result<()> {
    let report = survived(vm, "bug use-after-free; guard check", "write after free: at offset 40")?;
    let allocated = stack(&report, "allocated with 96 bytes")?;
    DRIVERS.expect(allocated, "drivers::answer_late", "Buffer::new(96)")?;
    let freed = stack(&report, "  freed, ")?;
    DRIVERS.expect(freed, "drivers::end_request_by_timeout", "request.free()")?;
    DRIVERS.expect(freed, "drivers::answer_late", "end_request_by_timeout(request)")
}

fn leak_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_leak(vm)
}

fn judge_leak(vm: &mut Vm) -> Result<()> {
    let before = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let report = vm.run("bug leak")?;
    ensure!(report.contains("3 packets received, 3 malformed ones refused"), "{report}");
    let after = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let came: Vec<&str> =
        after.rows.iter().filter(|row| !before.rows.contains(row)).map(String::as_str).collect();
    ensure!(came.len() == 3, "{} blocks stay, not 3: {came:?}", came.len());
    for row in came {
        PACKETS.expect(row, "Loopback>::send", "kmalloc(bytes.len())")?;
    }
    is_consistent(vm)
}

fn lost_pages_are_named(vm: &mut Vm) -> Result<()> {
    let judge = |stack: &str| {
        RINGS.expect(stack, " new kernel/", "take_pages(order")?;
        RINGS.expect(stack, "rings::Device>::reset_when_it_hangs", "bring_up()")?;
        RINGS.expect(stack, " bring_up kernel/", "Pages::new(RING_ORDER)")
    };
    vm.wait_for_boot()?;
    vm.run("leaks mark")?;
    let report = vm.run("bug leak-pages")?;
    ensure!(report.contains("the device hung, and was reset 3 times"), "{report}");
    // Four rings were taken, by two calls, and the last one was given back.
    let since = vm.run("leaks since")?;
    let (_, stacks) = since.split_once("total: ").unwrap_or_default();
    ensure!(stacks.contains("pages: drivers +48 kB"), "no pages of drivers in:\n{since}");
    ensure!(stacks.contains("pages outside the heap: +49152 bytes, +3 runs"), "not three rings in:\n{since}");
    ensure!(!since.contains("+65536"), "a ring that came back counts in:\n{since}");
    vm.run("leaks scan")?;
    let scanned = vm.run("leaks scan")?;
    ensure!(scanned.contains(" 3 leaks of 49152 bytes"), "not three rings are lost:\n{scanned}");
    ensure!(scanned.matches(": 4 pages, for drivers, taken at ").count() == 3, "{scanned}");
    judge(&scanned)?;
    let rows = vm.run("cat /proc/pages")?;
    let rows = rows.lines().filter(|row| row.contains(" drivers ")).count();
    ensure!(rows == 3, "{rows} runs of drivers");
    is_consistent(vm)
}

fn judge_pages_given_twice(vm: &mut Vm) -> Result<()> {
    let report = survived(vm, "bug double-free-pages", "pages: double free of")?;
    let second = stack(&report, "this free:")?;
    RINGS.expect(second, "rings::remove_device_that_never_started", "ring.free()")?;
    RINGS.expect(second, "rings::fail_to_start", "remove_device_that_never_started(again)")?;
    let allocated = stack(&report, "allocated with 16384 bytes")?;
    RINGS.expect(allocated, "rings::fail_to_start", "Pages::new(RING_ORDER)")?;
    let first = stack(&report, "freed first")?;
    RINGS.expect(first, "rings::give_ring_back_after_failed_start", "ring.free()")
}

fn judge_page_overrun(vm: &mut Vm) -> Result<()> {
    let report = survived(vm, "bug page-overrun", "pages: write to a free page: at offset 128 of")?;
    let freed = stack(&report, "  freed, ")?;
    RINGS.expect(freed, "rings::give_buffer_back_early", "buffer.free()")?;
    let before = stack(&report, "taken for drivers at")?;
    RINGS.expect(before, "rings::overrun_buffer", "Pages::new(0)")?;
    RINGS.expect(stack(&report, "found by:")?, "rings::fill_queue", "Pages::new(0)")
}

fn cache_is_named(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    judge_cache(vm)
}

fn judge_cache(vm: &mut Vm) -> Result<()> {
    let report = survived(vm, "bug oom", "out of memory: no block of")?;
    ensure!(report.matches("out of memory: no block of").count() == 1, "not one report in:\n{report}");
    let asked = stack(&report, "asked for by:")?;
    CACHE.expect(asked, "keep_block_without_a_limit", "try_reserve")?;
    CACHE.expect(asked, "cache::read_everything", "keep_block_without_a_limit")?;
    let (_, stacks) = report.split_once("largest free run: ").unwrap_or_default();
    let largest_kib = stacks.split_once(" kB").and_then(|(number, _)| number.parse::<u64>().ok());
    ensure!(largest_kib.is_some_and(|kib| kib <= 64), "no block of 32 KiB, yet a large run in:\n{report}");
    let most = stack(stacks, "\n")?;
    CACHE.expect(most, "keep_block_without_a_limit", "try_reserve_exact")?;
    ensure!(report.contains("were kept, and are free again"), "the driver does not cope in:\n{report}");
    Ok(())
}

/// The bytes that the blocks of all call stacks take add up to the total, in the report and in the file.
fn taken_bytes_add_up(vm: &mut Vm) -> Result<()> {
    /// The number before ` bytes` that follows `words`.
    fn bytes_behind(line: &str, words: &str) -> Option<u64> {
        line.split_once(words)?.1.split_once(" bytes")?.0.parse().ok()
    }
    let sums = |text: &str| -> (u64, u64) {
        let rows =
            text.lines().filter_map(|line| line.split_once("stack ")?.1.split_once(": ").map(|(_, row)| row));
        let rows = rows.filter_map(|row| {
            Some((row.split_once(" bytes in ")?.0.parse::<u64>().ok()?, bytes_behind(row, ", taken ")?))
        });
        rows.fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1))
    };
    vm.wait_for_boot()?;
    let report = vm.run("bug oom")?;
    let heap = report.lines().find_map(|line| Some(line.split_once("heap: ")?.1));
    let asked_and_taken = heap.and_then(|line| {
        Some((line.split_once(" bytes asked for")?.0.parse().ok()?, bytes_behind(line, "asked for, ")?))
    });
    let asked_and_taken: (u64, u64) =
        asked_and_taken.ok_or_else(|| Error::Wrong(format!("no bytes of the heap in:\n{report}")))?;
    ensure!(sums(&report) == asked_and_taken, "the stacks sum up to {:?} in:\n{report}", sums(&report));
    ensure!(asked_and_taken.1 > asked_and_taken.0, "red zones take nothing in:\n{report}");

    vm.run("bug leak")?;
    let stacks = vm.run("cat /proc/allocs_by_stack")?;
    let summary = vm.run("memstat summary")?;
    let live = summary.lines().find_map(|line| line.strip_prefix("live: ")).unwrap_or_default();
    let expected = bytes_behind(live, "blocks, ").zip(bytes_behind(live, "asked for, "));
    ensure!(
        expected == Some(sums(&stacks)),
        "`{live}`, but the stacks sum up to {:?}:\n{stacks}",
        sums(&stacks)
    );
    is_consistent(vm)
}

/// Types the command at the prompt; the words are in what it logs, live blocks are as before, and all figures agree.
fn survived(vm: &mut Vm, line: &str, words: &str) -> Result<String> {
    let before = live_blocks(vm)?;
    let report = vm.run(line)?;
    ensure!(report.contains(words), "`{line}` does not log `{words}`:\n{report}");
    let after = live_blocks(vm)?;
    ensure!(before == after, "live blocks differ after `{line}`:\n{before:?}\n{after:?}");
    is_consistent(vm)?;
    Ok(report)
}

/// All of them, sorted: their order in the file changes as the live map grows and shrinks.
fn live_blocks(vm: &mut Vm) -> Result<Allocs> {
    let mut allocs = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    allocs.rows.sort();
    Ok(allocs)
}

/// Types the command and reads its report, up to the line that says that the kernel has stopped.
fn stopped(vm: &mut Vm, line: &str) -> Result<String> {
    vm.enter(line)?;
    stopped_report(vm)
}
