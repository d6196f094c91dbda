//! Allocations that fail, by fault injection and for lack of memory: nothing panics, hangs or is left behind.

mod boot;
mod full;
mod sweep;
mod table;

use super::sources::PACKETS;
use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "fail-selftests-long",
        about: "those that allocate thousands of times, with some of their allocations failing; each file of /proc",
        judge: Judge::Drive(DEFAULT, sweep::long_selftests_survive),
    },
    Scenario {
        name: "fail-commands",
        about: "each command of the shell with each of its allocations failing: no panic, nothing left behind",
        judge: Judge::Drive(DEFAULT, sweep::commands_survive),
    },
    Scenario {
        name: "full-heap",
        about: "with all memory taken each command works or says `out of memory`",
        judge: Judge::Drive(Machine { memory_mib: 64, ..DEFAULT }, full::commands_work_in_full_heap),
    },
    Scenario {
        name: "full-heap-guard",
        about: "the same with a history and all guards",
        judge: Judge::Drive(
            Machine { memory_mib: 64, cmdline: "memstat=full guard=full", ..DEFAULT },
            full::commands_work_in_full_heap,
        ),
    },
    Scenario {
        name: "fail-rules",
        about: "rules by number, size, function and line; what a command does whose Nth allocation fails",
        judge: Judge::Drive(Machine { cmdline: "memstat=full", ..DEFAULT }, rules_do_what_they_say),
    },
];

/// Those that take long.
pub(crate) const SOAK: &[Scenario] = &[
    Scenario {
        name: "fail-commands-guard",
        about: "the same with a history and all guards, on little memory; of long ones some allocations",
        judge: Judge::Drive(
            Machine { memory_mib: 48, cmdline: "memstat=full guard=full", ..DEFAULT },
            sweep::commands_survive_mostly,
        ),
    },
    Scenario {
        name: "fail-selftests",
        about: "each self-test with each of its allocations failing: no panic, nothing left behind",
        judge: Judge::Drive(DEFAULT, sweep::selftests_survive),
    },
    Scenario {
        name: "fail-boot",
        about: "the boot with each of its allocations failing: a prompt, or one line that says why not",
        judge: Judge::Files(boot::boots_survive),
    },
];

fn rules_do_what_they_say(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let none = "blocks: none is made to fail\npages: none is made to fail";
    says(vm, "fail", none)?;
    // The driver allocates in one function and one line; either is a site.
    let allocs = vm.run("bug leak; cat /proc/allocs")?;
    let line = allocs.lines().find_map(|row| row.split(&PACKETS.place()).nth(1));
    let line = line.ok_or_else(|| Error::Wrong(format!("no leak of packets.rs: {allocs}")))?;
    // As much of the path as wanted.
    let (_, path) = PACKETS.path.split_once("src/").unwrap_or_default();
    for site in ["'Loopback>::send'", &format!("packets.rs:{line}"), &format!("{path}:{line}")] {
        vm.run(&format!("fail every 1; fail site {site}"))?;
        let answer = vm.run("bug leak; fail")?;
        ensure!(answer.contains("Loopback>::send"), "the place of {site} is not shown: {answer}");
        ensure!(answer.contains("6 matched, 6 failed"), "{site}: not all failed: {answer}");
        vm.run("fail off")?;
        vm.run("fail every 1; fail site 'Vfs>::mount'")?;
        let answer = vm.run("bug leak; fail")?;
        ensure!(answer.contains("0 matched, 0 failed"), "another place failed as well: {answer}");
        vm.run("fail off")?;
    }
    vm.run("fail every 2; fail size 60-70; fail times 3")?;
    let answer = vm.run("fail")?;
    let wanted =
        "blocks: each 2nd fails, 3 more at most; only of 60 to 70 bytes; in interrupt handlers never; ";
    ensure!(answer.starts_with(wanted), "not `{wanted}` but `{answer}`");
    says(vm, "fail off; fail", none)?;
    says(
        vm,
        "fail every 1; fail fill",
        "fail: 0 blocks of 0 bytes are held, not all memory, as rules let some fail; fail drain frees them",
    )?;
    // A range of addresses has no name, whatever function it starts in.
    let range = "0xffffffff80120000-0xffffffff80160000";
    let answer = vm.run(&format!("fail site {range}; fail; fail off"))?;
    ensure!(
        answer.contains(&format!("only asked for by {range}")),
        "the range {range} is shown as `{answer}`"
    );
    for (line, wanted) in [
        ("fail nth", "fail: nth: unknown rule; expected "),
        ("fail nth x pwd", "fail: x: not a number above 0"),
        ("fail every 0", "fail: every 0: unknown rule; expected "),
        ("fail site nowhere_at_all", "fail: site nowhere_at_all: unknown place; expected the name"),
        ("fail site packets.rs:1", "fail: site packets.rs:1: unknown place; expected the name"),
        ("fail site fmt", "fail: site fmt: ambiguous: more than 32 places have this name"),
        ("fail sweep", "usage: fail sweep"),
        ("fail pages", "usage: fail [off | "),
        ("fail sweep -c 'a |' pwd", "fail: no command after '|'"),
        ("fail nth 1 'fail nth 1 pwd'", "fail: runs already; not within itself"),
        ("fail nth 1 fail nth 1 pwd", "fail: runs already; not within itself"),
        ("fail sweep -c 'fail sweep pwd' pwd", "fail: sweep: 0 allocations of blocks and 0 of pages"),
        ("fail site :0", "fail: site :0: unknown place; expected the name"),
        // There is only one allocation of a block, so none is left out after it.
        ("fail sweep -n 1 bug overrun", "fail: sweep: 1 allocations of blocks and 1 of pages made to fail; "),
    ] {
        let answer = vm.run(line)?;
        ensure!(answer.starts_with(wanted), "`{line}` does not say `{wanted}` but `{answer}`");
    }
    says(vm, "fail", none)?;
    let as_before = "live blocks and bytes are as before";
    says(
        vm,
        "fail nth 1 echo a",
        &format!("a\nfail: the 1st allocation of a block was not reached, as there were 0; {as_before}"),
    )?;
    says(
        vm,
        "fail pages nth 1 'ls /proc > /tmp/x'",
        &format!(
            "shell: /tmp/x: out of memory (ENOMEM)\nfail: the 1st allocation of a page failed; {as_before}"
        ),
    )?;
    let answer = vm.run("fail nth 2 bug leak")?;
    ensure!(answer.contains("fail: the 2nd allocation of a block failed; +2 blocks, +"), "`{answer}`");
    says(vm, "fail", none)
}

/// The command prints exactly that.
fn says(vm: &mut Vm, line: &str, wanted: &str) -> Result<()> {
    let answer = vm.run(line)?;
    ensure!(answer == wanted, "`{line}` does not say `{wanted}` but `{answer}`");
    Ok(())
}
