//! Leaks by reachability: planted leaks are found, on every heap and with guards, and nothing else; in limited time,
//! and until Ctrl-C. `/proc/kmemleak` takes the commands of Linux's.

use std::time::Duration;

use super::is_consistent;
use crate::error::{Error, Result, ensure};
use crate::figures::MemInfo;
use crate::grammar;
use crate::machine::{Clock, DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::vm::{COMMAND_LIMIT, Vm};

/// Leaks that a drill plants, and how many of them must be found, with how many mistakes.
const PLANTED: u64 = 100;
const MIN_FOUND: u64 = 98;
const MAX_WRONG: u64 = 2;
/// The longest that a scan of a million blocks may take, in nanoseconds of the guest, which are the same in each run.
const MAX_NS: f64 = 1.2e9;
/// A drill with a million blocks, on a slow host.
const LONG: Duration = Duration::from_mins(3);
const CONTROL_C: u8 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// A row of the table below.
const fn drill(name: &'static str, cmdline: &'static str) -> Scenario {
    Scenario {
        name,
        about: "of 100 leaks among 100,000 blocks at least 98 are found, and at most 2 others",
        judge: Judge::Drive(Machine { cmdline, ..DEFAULT }, leaks_are_found),
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "reach-million",
        about: "a scan of a million blocks takes less than 1.2 s of the guest's time",
        judge: Judge::Drive(
            Machine { memory_mib: 512, clock: Clock::Instructions, cmdline: "memstat=blocks", ..DEFAULT },
            million_blocks_are_scanned,
        ),
    },
    drill("reach-drill", ""),
    drill("reach-drill-full", "guard=full memstat=full"),
    drill("reach-drill-talc", "heap=talc guard=full"),
    drill("reach-drill-tlsf", "heap=tlsf"),
    Scenario {
        name: "reach-drill-pages",
        about: "of 100 lost runs of pages among 10,000 marks find all, scans at least 98, and at most 2 others",
        judge: Judge::Drive(Machine { memory_mib: 512, ..DEFAULT }, lost_pages_are_found),
    },
    Scenario {
        name: "reach-kmemleak",
        about: "/proc/kmemleak has Linux's format and takes its commands; reading it changes nothing",
        judge: Judge::Drive(DEFAULT, kmemleak_is_linuxs),
    },
    Scenario {
        name: "reach-demo",
        about: "what the boot and the log had in hand hides no leak",
        judge: Judge::Drive(Machine { cmdline: "demo=memstat", ..DEFAULT }, lost_packets_are_found),
    },
    Scenario {
        name: "reach-references",
        about: "among 100,000 blocks, who refers to one and why it is live is said in 0.3 s, what stacks retain in 1 s",
        judge: Judge::Drive(
            Machine { memory_mib: 512, clock: Clock::Instructions, cmdline: "memstat=stacks", ..DEFAULT },
            references_are_explained,
        ),
    },
    Scenario {
        name: "reach-stop",
        about: "Ctrl-C ends a scan, and the next one is as good as any",
        judge: Judge::Drive(
            Machine { memory_mib: 512, cmdline: "memstat=blocks", ..DEFAULT },
            scan_is_stopped,
        ),
    },
];

/// On these heaps the time of an operation grows with the number of free blocks.
pub(crate) const SOAK: &[Scenario] = &[
    drill("reach-drill-buddy", "heap=buddy guard=redzone"),
    drill("reach-drill-list", "heap=linked-list guard=full"),
];

/// What a line of `leaks drill` says.
struct Drill {
    found: u64,
    wrong: u64,
    is_clean: bool,
}

impl Drill {
    fn parse(answer: &str) -> Result<Self> {
        let no_drill = || Error::Wrong(format!("no result of a drill in: {answer}"));
        let line = answer.lines().find(|line| line.starts_with("drill: ")).ok_or_else(no_drill)?;
        let before = |what: &str| line.split_once(what)?.0.rsplit(' ').next()?.parse().ok();
        let found = before(&format!(" of {PLANTED} leaks found")).ok_or_else(no_drill)?;
        let wrong = before(" wrong").ok_or_else(no_drill)?;
        Ok(Self { found, wrong, is_clean: line.ends_with("; 0 blocks, 0 bytes left") })
    }

    fn judge(&self, answer: &str) -> Result<()> {
        let &Self { found, wrong, is_clean } = self;
        ensure!((MIN_FOUND..=PLANTED).contains(&found), "{found} of {PLANTED} leaks found: {answer}");
        ensure!(wrong <= MAX_WRONG, "{wrong} reports are wrong: {answer}");
        ensure!(is_clean, "the drill has left blocks: {answer}");
        Ok(())
    }
}

fn drill_is_passed(vm: &mut Vm, command: &str) -> Result<String> {
    vm.enter(command)?;
    let answer = vm.wait_for_prompt(command, LONG)?;
    Drill::parse(&answer)?.judge(&answer)?;
    Ok(answer)
}

fn leaks_are_found(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for seed in 1..=2 {
        drill_is_passed(vm, &format!("leaks drill {seed}"))?;
    }
    // After it, nothing is lost.
    vm.run("leaks scan")?;
    let answer = vm.run("leaks scan")?;
    ensure!(answer.contains(": 0 unreferenced for the first time, 0 leaks"), "false reports: {answer}");
    // Earlier leaks do not count as mistakes of the drill.
    vm.run("bug leak")?;
    drill_is_passed(vm, "leaks drill")?;
    is_consistent(vm)
}

fn lost_pages_are_found(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for seed in 1..=3 {
        let command = format!("leaks drill pages {seed}");
        vm.enter(&command)?;
        let answer = vm.wait_for_prompt(&command, LONG)?;
        let line = answer.lines().find_map(|line| line.split_once(&format!("drill: seed {seed}: ")));
        let (_, line) = line.ok_or_else(|| Error::Wrong(format!("no result of a drill in: {answer}")))?;
        let number = |end: &str| line.split_once(end)?.0.rsplit(' ').next()?.parse::<u64>().ok();
        let found = number(&format!(" of {PLANTED} lost runs found"));
        ensure!(found.is_some_and(|found| found >= MIN_FOUND), "too few are found: {answer}");
        ensure!(number(" wrong").is_some_and(|wrong| wrong <= MAX_WRONG), "too many are wrong: {answer}");
        ensure!(number(" new since the mark") == Some(PLANTED), "marks do not find all: {answer}");
        ensure!(line.ends_with("; 0 runs, 0 bytes left"), "the drill has left runs: {answer}");
    }
    // After it, nothing is lost.
    let answer = vm.run("leaks scan; leaks scan")?;
    ensure!(!answer.contains("lost run"), "false reports: {answer}");
    is_consistent(vm)
}

fn million_blocks_are_scanned(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let answer = drill_is_passed(vm, "leaks drill 3 1000000")?;
    let scans: Vec<f64> = answer.lines().filter_map(scan_ns).collect();
    ensure!(scans.len() == 2 && scans.iter().all(|ns| *ns < MAX_NS), "a scan takes too long: {answer}");
    is_consistent(vm)
}

/// Nanoseconds that a scan has taken.
fn scan_ns(line: &str) -> Option<f64> {
    let (_, rest) = line.strip_prefix("scan: ")?.split_once(" words in ")?;
    let seconds: f64 = rest.split_once(" s:")?.0.parse().ok()?;
    Some(seconds * 1e9)
}

fn scan_is_stopped(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("leaks drill plant 5 500000")?;
    // What is typed before the line runs does not count.
    vm.enter("echo runs; leaks scan; leaks scan; leaks scan; leaks scan")?;
    vm.expect("line that runs", COMMAND_LIMIT, |text| text.lines().any(|line| line == "runs").then_some(()))?;
    vm.type_bytes(&[CONTROL_C])?;
    let is_reported = |text: &str| text.contains("leaks scan: stopped before its end").then_some(());
    vm.expect("scan that is stopped", COMMAND_LIMIT, is_reported)?;
    // The shell shows the Ctrl-C too, at a prompt of its own.
    vm.text_after(PAUSE);
    let file = vm.read_file("/proc/kmemleak")?;
    ensure!(file.is_empty(), "scans that were stopped have found something:\n{file}");
    vm.run("leaks scan")?;
    let answer = vm.run("leaks scan")?;
    ensure!(answer.contains(" 100 leaks of "), "not all leaks are found: {answer}");
    ensure!(answer.contains("80 more; cat /proc/kmemleak"), "the list is not cut: {answer}");
    vm.run("leaks drill free")?;
    is_consistent(vm)
}

fn lost_packets_are_found(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    // The first line runs with the stack as the boot has left it.
    vm.run("bug leak")?;
    vm.run("leaks scan")?;
    let answer = vm.run("leaks scan")?;
    ensure!(answer.contains(" 3 leaks of 276 bytes"), "a reference that nobody has hides a leak: {answer}");
    // In one line, too, and with messages of other lengths in the ring.
    let answer = vm.run("bug leak; leaks scan; bug leak; leaks scan; leaks scan")?;
    ensure!(answer.contains(" 9 leaks of 828 bytes"), "of leaks in one line some are missed: {answer}");
    is_consistent(vm)
}

/// The longest that the answers may take, in seconds of the guest.
const MAX_REFERENCES_S: f64 = 0.3;
const MAX_RETAINED_S: f64 = 1.0;
/// Blocks of each kind that are asked about.
const ASKED: usize = 5;

fn references_are_explained(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("leaks drill plant; leaks scan > /dev/null")?;
    let leaks = vm.run("leaks scan | grep unreferenced:")?;
    let leaks = leaks.lines().filter_map(|line| line.strip_prefix("unreferenced: ")?.split_once(','));
    for (leak, _) in leaks.take(ASKED) {
        let answer = vm.run(&format!("why {leak}"))?;
        ensure!(
            answer.trim() == "no variable, stack or register leads to it: it is a leak",
            "{leak}: {answer}"
        );
    }
    // `100000 live blocks, 9411000 bytes, 0 untracked`
    let summary = vm.run("head -n 2 /proc/allocs | tail -n 1")?;
    let mut numbers = summary.split([' ', ',']).filter_map(|word| word.parse::<u64>().ok());
    let all = numbers.next().zip(numbers.next());
    let free_pages = |vm: &mut Vm| MemInfo::parse(&vm.read_file("/proc/meminfo")?)?.free_kibibytes();
    let free = free_pages(vm)?;
    let listed = vm.run("head -n 8 /proc/allocs | tail -n 5")?;
    let blocks: Vec<_> = listed.lines().filter_map(|row| row.split_whitespace().next()).collect();
    ensure!(blocks.len() == ASKED, "no blocks of the drill: {listed}");
    for block in blocks {
        let why = timed(vm, &format!("why {block}"))?;
        let is_from_head = why.starts_with("variable tally::selftest::drill::HEADS+0x");
        let is_leak = why.starts_with("no variable");
        ensure!(is_leak || is_from_head, "{block}: {why}");
        let last = why.lines().next_back().unwrap_or_default();
        ensure!(is_leak || last.starts_with(&format!("    block 0x{block}, ")), "{block}: {why}");
        let refs = timed(vm, &format!("refs {block}"))?;
        ensure!(refs.starts_with(&format!("block 0x{block}, ")), "{refs}");
        ensure!(is_leak || !refs.contains("\n0 references"), "why and refs do not agree: {why}{refs}");
    }
    let retained = vm.run("retained -n 1 | tail -n 1")?;
    let retained = Sums::parse(&retained).ok_or_else(|| Error::Wrong(format!("retained: {retained}")))?;
    ensure!(retained.seconds < MAX_RETAINED_S, "retained takes {} s", retained.seconds);
    ensure!(retained.lost_blocks == PLANTED, "{} blocks are not reachable", retained.lost_blocks);
    ensure!(all == Some((retained.blocks, retained.bytes)), "retained misses blocks: {summary}");
    ensure!(free_pages(vm)? == free, "pages are not given back");
    is_consistent(vm)
}

/// What a line prints, if it took no longer than it may.
fn timed(vm: &mut Vm, line: &str) -> Result<String> {
    let answer = vm.run(line)?;
    // Waiting for a key takes time too, so both times come from one line.
    let times = vm.run(&format!("cat /proc/uptime; {line} > /dev/null; cat /proc/uptime"))?;
    let mut seconds = times.lines().filter_map(|line| line.split_once(' ')?.0.parse::<f64>().ok());
    let took = seconds.next().zip(seconds.next()).map(|(start, end)| end - start);
    let took = took.ok_or_else(|| Error::Wrong(format!("uptime: {times}")))?;
    ensure!(took <= MAX_REFERENCES_S, "`{line}` takes {took} s");
    Ok(answer)
}

/// The last line of `retained`.
struct Sums {
    /// Of all blocks.
    bytes: u64,
    blocks: u64,
    lost_blocks: u64,
    seconds: f64,
}

impl Sums {
    fn parse(line: &str) -> Option<Self> {
        let numbers = line.split(|character: char| !character.is_ascii_digit() && character != '.');
        let numbers: Vec<_> = numbers.filter(|number| !number.is_empty()).collect();
        let [bytes, blocks, lost_bytes, lost_blocks, seconds] = numbers.as_slice() else { return None };
        let whole = |number: &str| number.parse::<u64>().ok();
        let lost = whole(lost_blocks)?;
        Some(Self {
            bytes: whole(bytes)? + whole(lost_bytes)?,
            blocks: whole(blocks)? + lost,
            lost_blocks: lost,
            seconds: seconds.parse().ok()?,
        })
    }
}

/// The blocks that a row of `leaks since` says are new.
fn new_blocks(row: &str) -> Option<u64> {
    row.split_once('(')?.1.split_once(" new)")?.0.parse().ok()
}

fn kmemleak_is_linuxs(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    ensure!(vm.read_file("/proc/kmemleak")?.is_empty(), "there are leaks from the start");
    vm.run("bug leak; leaks mark drill; leaks drill plant 9 2000")?;
    let growth = vm.run("leaks since -n 100 drill")?;
    let rows = growth.lines().zip(growth.lines().skip(1));
    let lost = rows
        .filter(|(_, frame)| frame.contains("drill::lose_block+0x"))
        .filter_map(|(row, _)| new_blocks(row));
    ensure!(lost.sum::<u64>() == PLANTED, "`leaks since` does not find all: {growth}");
    vm.run("echo scan > /proc/kmemleak")?;
    ensure!(vm.read_file("/proc/kmemleak")?.is_empty(), "one scan is enough for a report");
    let answer = vm.run("echo scan > /proc/kmemleak")?;
    ensure!(answer.contains("kmemleak: 103 new suspected memory leaks"), "the log says: {answer}");
    let before = vm.run("cat /proc/allocs; cat /proc/meminfo; cat /proc/buddyinfo")?;
    let text = vm.read_file("/proc/kmemleak")?;
    let after = vm.run("cat /proc/allocs; cat /proc/meminfo; cat /proc/buddyinfo")?;
    ensure!(before == after, "reading changes what it reports:\n{before}\n{after}");
    grammar::kmemleak(&text)?;
    ensure!(text.matches("unreferenced object").count() == 103, "not all leaks are shown:\n{text}");
    ensure!(text.contains("packets::Loopback>::send+0x"), "the leaking function is not named:\n{text}");
    // The first object, named by an address inside it.
    let address = text.strip_prefix("unreferenced object 0x").and_then(|text| text.get(..16));
    let address = address.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let address = address.ok_or_else(|| Error::Wrong(format!("no address in {text}")))?;
    let answer = vm.run(&format!("echo dump={:#x} > /proc/kmemleak", address + 8))?;
    for words in
        [format!("kmemleak: Object {address:#018x} (size "), "backtrace:".into(), "reach = Leak".into()]
    {
        ensure!(answer.contains(&words), "`{words}` is not logged: {answer}");
    }
    for command in ["off", "scan=on", "scan=60", "dump=", "dump=12", "nonsense"] {
        let answer = vm.run(&format!("echo {command} > /proc/kmemleak"))?;
        ensure!(answer.contains("(EINVAL)"), "`{command}` is taken: {answer}");
    }
    vm.run("echo clear > /proc/kmemleak; echo stack=off > /proc/kmemleak; echo stack=on > /proc/kmemleak")?;
    ensure!(vm.read_file("/proc/kmemleak")?.is_empty(), "leaks are shown that were cleared");
    let answer = vm.run("leaks drill free; bug leak; leaks scan; echo scan=off > /proc/kmemleak")?;
    ensure!(answer.contains("scan again: what the next scan finds as well is a leak"), "no hint: {answer}");
    let answer = vm.run("leaks scan")?;
    ensure!(answer.contains(" 3 leaks of ") && answer.contains("(3 new)"), "only new ones count: {answer}");
    ensure!(answer.contains("Loopback"), "the leaking function is not named: {answer}");
    let answer = vm.run("leaks scan now; leaks drill 1 2; leaks drill free; leaks drill free")?;
    ensure!(answer.matches("usage: leaks").count() == 1, "no usage where it should be: {answer}");
    let wanted = "leaks drill: '2' is not a number of blocks; expected 1000 to 4000000";
    ensure!(answer.contains(wanted), "`{wanted}` is not said: {answer}");
    ensure!(answer.matches("no drill is planted").count() == 2, "a drill is freed twice: {answer}");
    let answer = vm.run("memstat level off; leaks drill 1 2000; memstat level stacks")?;
    let wanted = "leaks drill: level is off: new blocks are not recorded; type memstat level blocks";
    ensure!(answer == wanted, "a drill that cannot find anything says `{answer}`");
    is_consistent(vm)
}
