//! `whatis`: any address can be asked about: blocks, pages, files, symbols, tables, devices; and in limited time.

use super::sources::{KERNEL, KFREE, PACKETS};
use super::{has_all, is_consistent, with_words};
use crate::error::{Error, Result, ensure};
use crate::machine::{Clock, DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

/// The longest that an answer may take, in nanoseconds of the guest.
const MAX_NS: u64 = 10_000_000;
/// Where all RAM is mapped.
const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// Addresses that one line takes.
const ADDRESSES_AT_ONCE: usize = 40;

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words("whatis", "what is at an address is said, whatever it is", "", addresses_are_explained),
    with_words(
        "whatis-full",
        "the same at full with guards and sampled blocks",
        "memstat=full guard=full guard.sample=1",
        addresses_are_explained,
    ),
    Scenario {
        name: "whatis-random",
        about: "10,000 random addresses get the answer of walks over all tables, in 0.01 s of the guest's time",
        judge: Judge::Drive(
            Machine { clock: Clock::Instructions, cmdline: "log=debug", ..DEFAULT },
            random_addresses_agree_in_time,
        ),
    },
];

/// Asks, and expects words in the answer.
fn ask(vm: &mut Vm, what: &str, words: &[&str]) -> Result<String> {
    let answer = vm.run(&format!("whatis {what}"))?;
    has_all(&answer, words)?;
    Ok(answer)
}

/// The first address in a text.
fn address_in(text: &str) -> Result<u64> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric());
    let digits = words.map(|word| word.trim_start_matches("0x")).find(|word| word.starts_with("ffff"));
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| Error::Wrong(format!("no address in: {text}")))
}

fn addresses_are_explained(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("bug leak")?;
    blocks_are_explained(vm)?;
    pages_are_explained(vm)?;

    let code = ask(vm, "tally_main", &["code: tally_main+0x0 ", "read and execute"])?;
    ensure!(code.contains(&KERNEL.place()), "no place in: {code}");
    ask(vm, "tally_main+0x1", &["code: tally_main+0x1 "])?;
    let variable = ask(vm, "HEAP", &["variable tally::memory::heap::HEAP+0x0, in ", "read and write"])?;
    ask(vm, &format!("{:#x}", address_in(&variable)? + 8), &["HEAP+0x8"])?;

    let device = vm.run("cat /proc/vmallocinfo")?;
    let device = address_in(&device)?;
    ask(vm, &format!("{:x}", device + 4), &["4 bytes into ", "of a device or of the firmware, at phys:"])?;

    ask(vm, "0", &["a null pointer", "phys:0x0: in the first page"])?;
    ask(vm, "0x100008", &["nothing is, in the lower half", "phys:0x100008: "])?;
    ask(vm, "phys:0x100000000000", &["no memory that the firmware names"])?;
    ask(vm, "0x1234567890abcdef", &["no address: bits 48 to 63"])?;
    ask(vm, "0xffffb00000000000", &["not mapped, like all from 0xffff"])?;
    ask(vm, "0xffffe00000000000", &["metadata of pages"])?;
    for word in ["no_such_name", "0xzz", "phys:x"] {
        ask(vm, word, &[&format!("whatis: '{word}'"), "expected"])?;
    }
    is_consistent(vm)
}

fn blocks_are_explained(vm: &mut Vm) -> Result<()> {
    let allocs = vm.run("cat /proc/allocs")?;
    let row = allocs.lines().find(|line| line.contains("Loopback>::send"));
    let row = row.ok_or_else(|| Error::Wrong(format!("the leak is not in:\n{allocs}")))?;
    let start = address_in(row)?;
    let size = row.split_whitespace().nth(1).unwrap_or_default();
    let words = [
        format!("16 bytes into the live block {start:#x} of {size} bytes, allocated at "),
        format!(" {}", PACKETS.place()),
        "    allocated at ".into(),
    ];
    let words = words.each_ref().map(String::as_str);
    let answer = ask(vm, &format!("{:x}", start + 16), &words)?;
    PACKETS.expect(&answer, "Loopback>::send", "kmalloc(bytes.len())")?;
    let (_, physical) = answer.rsplit_once("phys:").unwrap_or_default();
    let physical = physical.split(',').next().unwrap_or_default();
    ask(
        vm,
        &format!("phys:{physical}"),
        &["16 bytes into the live block", &words[0][words[0].find("0x").unwrap_or(0)..]],
    )?;
    if start < DIRECT_MAP + (1 << 46) {
        has_all(&answer, &["in a run of ", " for: heap"])?;
    }

    let freed = address_in(&vm.run("kmalloc 100")?)?;
    vm.run("kfree all")?;
    let answer = vm.run(&format!("whatis {:x}", freed + 99))?;
    let is_told = answer.contains("99 bytes into the freed block")
        || answer.contains("99 bytes into the block in quarantine");
    ensure!(is_told, "of a freed block it says: {answer}");
    has_all(&answer, &["    freed at ", &KFREE.place()])
}

/// Runs of /proc/pages: a file's page is told with file and offset, tables with what they map.
fn pages_are_explained(vm: &mut Vm) -> Result<()> {
    vm.run(
        "echo first > /tmp/asked; cat /proc/cpuinfo /proc/meminfo /proc/meminfo /proc/meminfo >> /tmp/asked",
    )?;
    let pages = vm.run("cat /proc/pages")?;
    let of = |purpose: &str| -> Vec<u64> {
        let rows = pages.lines().filter(|line| line.split_whitespace().any(|word| word == purpose));
        rows.filter_map(|row| address_in(row).ok()).collect()
    };
    let files = of("files");
    ensure!(files.len() > 3, "only {} runs for files in:\n{pages}", files.len());
    let mut answers = String::new();
    for some in files.chunks(ADDRESSES_AT_ONCE) {
        let words: Vec<_> = some.iter().map(|address| format!("{:x}", address + 5)).collect();
        answers += &vm.run(&format!("whatis {}", words.join(" ")))?;
        answers += "\n";
    }
    has_all(
        &answers,
        &[
            "contents of /tmp/asked, offset 5, in its page 0",
            "contents of /tmp/asked, offset 4101, in its page 1",
        ],
    )?;
    has_all(&answers, &["inodes of the file system at /tmp", "contents of /, offset 5"])?;
    vm.run("rm /tmp/asked")?;
    let tables = of("page-tables");
    let table = tables.first().ok_or_else(|| Error::Wrong(format!("no page tables in:\n{pages}")))?;
    ask(vm, &format!("{:x}", table + 16), &["entry 2 of a page table of level ", "for: page tables"])?;
    Ok(())
}

fn random_addresses_agree_in_time(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let answer = vm.run("selftest whatis_agrees_with_walks")?;
    ensure!(answer.contains("1 passed, 0 failed"), "the self-test says: {answer}");
    let log = vm.run("dmesg | grep slowest")?;
    let slowest = log.rsplit_once(" took ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    let slowest = slowest.ok_or_else(|| Error::Wrong(format!("no time in: {log}")))?;
    ensure!(slowest <= MAX_NS, "the slowest answer took {slowest} ns");
    is_consistent(vm)
}
