//! `allocs`: its sums are those of /proc/allocs and /proc/pages, and each option selects what it says.

use super::sources::PACKETS;
use super::{has_all, is_consistent, with_words};
use crate::error::{Error, Result, ensure};
use crate::figures::Allocs;
use crate::scenario::Scenario;
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words(
        "allocs",
        "live blocks are selected, sorted and summed up, to the byte",
        "",
        blocks_are_selected,
    ),
    with_words("allocs-full", "the same at full with guards", "memstat=full guard=full", blocks_are_selected),
];

/// Bytes and blocks in the last line of `allocs` with these options.
fn total(vm: &mut Vm, options: &str) -> Result<(u64, u64)> {
    let answer = vm.run(&format!("allocs {options}"))?;
    let line = answer.lines().last().unwrap_or_default();
    let mut numbers =
        line.split(|character: char| !character.is_ascii_digit()).filter_map(|word| word.parse().ok());
    numbers.next().zip(numbers.next()).ok_or_else(|| Error::Wrong(format!("allocs {options} says: {answer}")))
}

fn blocks_are_selected(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("leaks mark before")?;
    vm.run("bug leak")?;
    vm.run("kmalloc 1000 3; kmalloc 5000")?;
    let allocs = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    for options in [
        "",
        "-n 1",
        "-g function",
        "-g site",
        "-g size",
        "-g task",
        "-g cpu",
        "-g age",
        "-k age",
        "-t 0 -c 0",
    ] {
        let all = total(vm, options)?;
        ensure!(all == (allocs.bytes, allocs.blocks), "allocs {options}: {all:?}");
    }
    for (options, expected) in [
        ("-s 1000", (3000, 3)),
        ("-s 1000-5000", (8000, 4)),
        ("-s 4K-", (5000, 1)),
        ("-f exchange", (276, 3)),
        ("-m before -s -999", (276, 3)),
        ("-c 1", (0, 0)),
        ("-t 7", (0, 0)),
        ("-a 1000-", (0, 0)),
    ] {
        let found = total(vm, options)?;
        ensure!(found == expected, "allocs {options}: {found:?}, not {expected:?}");
    }
    let sorted = vm.run("allocs -n 2")?;
    let sizes: Vec<_> =
        sorted.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).take(2).collect();
    ensure!(sizes == ["5000", "1000"], "the largest are not first:\n{sorted}");
    has_all(&sorted, &["rows are not shown (-n)"])?;
    let sums = vm.run("allocs -g site -f exchange")?;
    ensure!(sums.contains("276 bytes in 3 blocks: ") && sums.contains(&PACKETS.place()), "by site:\n{sums}");
    let sums = vm.run("allocs -g size -k blocks -n 1")?;
    ensure!(sums.starts_with("        3000 bytes in 3 blocks: of 1000 bytes"), "by size:\n{sums}");

    let pages = vm.run("allocs -p -g size")?;
    has_all(&pages, &[" runs: of 4096 bytes\n", "\ntotal: "])?;
    for (options, words) in [
        ("-g colour", "unknown key 'colour'; expected function, site, size"),
        ("-k colour", "unknown order 'colour'; expected bytes, blocks"),
        ("-s x", "'x' is not what was expected: sizes as in"),
        ("-s 9-5", "'9-5' is not what was expected"),
        ("-a 1h", "seconds as in"),
        ("-f nowhere_at_all", "a function, alone or with its modules"),
        ("-m nothing", "the name of a mark"),
        ("-t x", "usage: allocs"),
    ] {
        has_all(&vm.run(&format!("allocs {options}"))?, &[words])?;
    }
    vm.run("kfree all")?;
    is_consistent(vm)
}
