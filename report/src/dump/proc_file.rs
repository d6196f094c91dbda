//! Tally's `/proc/allocs`, `/proc/allocs_by_stack` and `/proc/allocinfo` (docs/proc.md), read as if they were dumps.
//!
//! They have neither addresses nor checksums. So each function gets an address of ours, and only `allocs`, which counts its
//! own lines, can be told to be cut.

use std::collections::HashMap;

use super::{Block, Dump, Frame, Problem, Stack, State};

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Allocs,
    AllocsByStack,
    Allocinfo,
}

/// The first lines, up to the minor version.
const TITLES: [(&str, Kind); 3] = [
    ("allocs - version: 1.", Kind::Allocs),
    ("allocs_by_stack - version: 1.", Kind::AllocsByStack),
    ("allocinfo - version: 1.", Kind::Allocinfo),
];
/// Longer lines are no title.
const MAX_TITLE_BYTES: usize = 64;

/// A file that is being read.
#[derive(Debug)]
pub(super) struct ProcFile {
    kind: Kind,
    dump: Dump,
    /// The addresses that stand for functions.
    addresses: HashMap<Frame, u64>,
    /// Where in `dump.stacks` each number is.
    numbers: HashMap<u32, usize>,
    /// What the second line of `allocs` counts: blocks and bytes.
    counted: Option<(u64, u64)>,
}

impl ProcFile {
    /// A file that begins with this line.
    pub(super) fn begin(line: &str, number: u64) -> Option<Self> {
        if line.len() > MAX_TITLE_BYTES {
            return None;
        }
        let (title, kind) = TITLES.into_iter().find(|(title, _)| line.starts_with(title))?;
        line.strip_prefix(title)?.parse::<u32>().ok()?;
        let name = title.split(' ').next().unwrap_or_default();
        let dump = Dump {
            program: "tally".into(),
            level: format!("not known (/proc/{name})"),
            first_line: number,
            during: None,
            ..Dump::default()
        };
        Some(Self { kind, dump, addresses: HashMap::new(), numbers: HashMap::new(), counted: None })
    }

    /// Takes the next line; false if it is none of this file.
    pub(super) fn line(&mut self, line: &str) -> bool {
        // Messages of the kernel may stand between the lines.
        if line.starts_with('[') || line.trim_start().starts_with("#  ") {
            return true;
        }
        let taken = match self.kind {
            Kind::Allocs => self.block(line).or_else(|| self.count(line)),
            Kind::AllocsByStack => self.stack(line).or_else(|| self.frame(line)),
            Kind::Allocinfo => self.site(line),
        };
        taken.is_some()
    }

    /// All that was read.
    pub(super) fn end(mut self, line: u64) -> Dump {
        let sum = |part: fn(&Stack) -> u64| {
            self.dump.stacks.iter().fold(0_u64, |sum, stack| sum.saturating_add(part(stack)))
        };
        let (blocks, bytes) = (sum(|stack| stack.live_blocks), sum(|stack| stack.live_bytes));
        let (total_blocks, total_bytes) = (sum(|stack| stack.total_blocks), sum(|stack| stack.total_bytes));
        let Dump { live, totals, .. } = &mut self.dump;
        (live.blocks, live.recorded_blocks, live.bytes) = (blocks, blocks, bytes);
        (totals.allocations, totals.requested_bytes) = (total_blocks, total_bytes);
        self.dump.state = State::Whole;
        if let Some((counted_blocks, counted_bytes)) = self.counted
            && (counted_blocks, counted_bytes) != (blocks, bytes)
        {
            self.dump.state = State::Damaged;
            let what = format!(
                "the file counts {counted_bytes} bytes in {counted_blocks} blocks, but {bytes} in {blocks} were found"
            );
            self.dump.problems.push(Problem { line, what });
        }
        self.dump
    }

    /// `1 live blocks, 256 bytes, 0 untracked`
    fn count(&mut self, line: &str) -> Option<()> {
        let (blocks, rest) = line.split_once(" live blocks, ")?;
        let (bytes, untracked) = rest.split_once(" bytes, ")?;
        self.dump.totals.untracked = untracked.strip_suffix(" untracked")?.parse().ok()?;
        self.counted = Some((blocks.parse().ok()?, bytes.parse().ok()?));
        Some(())
    }

    /// A line of `allocs`: address, size, align, seq, time, cpu, task, stack, site.
    fn block(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_ascii_whitespace();
        let address = words.next().filter(|word| word.len() == 16)?;
        let address = u64::from_str_radix(address, 16).ok()?;
        let (size_bytes, align_bytes) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (sequence, time_us) = (words.next()?.parse().ok()?, micros(words.next()?)?);
        let (cpu, task) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let stack = words.next()?;
        let stack = if stack == "-" { 0 } else { stack.parse().ok()? };
        // Names have blanks: the site is the rest of the line.
        let site: Vec<_> = words.collect();
        self.dump.blocks.push(Block {
            address,
            size_bytes,
            stack,
            sequence,
            time_us,
            align_bytes,
            cpu,
            task,
        });
        self.dump.time_us = self.dump.time_us.max(time_us);
        let index = if let Some(index) = self.numbers.get(&stack) {
            *index
        } else {
            let frames = if stack == 0 { Vec::new() } else { vec![self.address(frame(&site.join(" ")))] };
            self.add(Stack { number: stack, frames, first_us: time_us, ..Stack::default() })
        };
        let found = self.dump.stacks.get_mut(index)?;
        for blocks in [&mut found.live_blocks, &mut found.total_blocks] {
            *blocks = blocks.saturating_add(1);
        }
        for bytes in [&mut found.live_bytes, &mut found.total_bytes, &mut found.peak_bytes] {
            *bytes = bytes.saturating_add(size_bytes);
        }
        Some(())
    }

    /// `stack 1: 256 bytes in 1 blocks live, peak 256 bytes, total 256 bytes in 1 blocks, taken 256 bytes`
    fn stack(&mut self, line: &str) -> Option<()> {
        let (number, rest) = line.strip_prefix("stack ")?.split_once(": ")?;
        let mut parts = rest.split(", ");
        let amount = |text: &str| {
            let (bytes, blocks) = text.split_once(" bytes in ")?;
            Some((bytes.parse().ok()?, blocks.strip_suffix(" blocks")?.parse().ok()?))
        };
        let (live_bytes, live_blocks) = amount(parts.next()?.strip_suffix(" live")?)?;
        let peak_bytes = parts.next()?.strip_prefix("peak ")?.strip_suffix(" bytes")?.parse().ok()?;
        let (total_bytes, total_blocks) = amount(parts.next()?.strip_prefix("total ")?)?;
        let number = number.parse().ok()?;
        self.add(Stack {
            number,
            live_blocks,
            live_bytes,
            peak_bytes,
            total_blocks,
            total_bytes,
            ..Stack::default()
        });
        Some(())
    }

    /// A function of the stack above: four blanks, and the name.
    fn frame(&mut self, line: &str) -> Option<()> {
        let text = line.strip_prefix("    ")?;
        let address = self.address(frame(text));
        self.dump.stacks.last_mut()?.frames.push(address);
        Some(())
    }

    /// A line of `allocinfo`: bytes, blocks, `file:line`, `[module]` and `func:name`.
    fn site(&mut self, line: &str) -> Option<()> {
        let (figures, function) = line.split_once(" func:")?;
        let mut words = figures.split_ascii_whitespace();
        let (live_bytes, live_blocks) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let place = frame(&format!("{} {}", function.trim_end(), words.next()?));
        let (number, frames) = (self.dump.stacks.len() as u32 + 1, vec![self.address(place)]);
        self.add(Stack {
            number,
            live_blocks,
            live_bytes,
            peak_bytes: live_bytes,
            total_blocks: live_blocks,
            total_bytes: live_bytes,
            frames,
            first_us: 0,
        });
        Some(())
    }

    fn add(&mut self, stack: Stack) -> usize {
        let index = self.dump.stacks.len();
        self.numbers.insert(stack.number, index);
        self.dump.stacks.push(stack);
        index
    }

    /// The address that stands for a function.
    fn address(&mut self, frame: Frame) -> u64 {
        let next = self.addresses.len() as u64 + 1;
        let address = *self.addresses.entry(frame.clone()).or_insert(next);
        self.dump.names.entry(address).or_insert_with(|| vec![frame]);
        address
    }
}

/// `name+0x29f vfs/src/mount.rs:57 (inlined)`: offset, place and mark may be missing, and names may have blanks.
fn frame(text: &str) -> Frame {
    let text = text.strip_suffix(" (inlined)").unwrap_or(text);
    let place = text.rsplit_once(' ').and_then(|(name, place)| {
        let (file, line) = place.rsplit_once(':')?;
        Some((name, file, line.parse().ok()?))
    });
    let (name, file, line) = place.unwrap_or((text, "", 0));
    let is_offset =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let plain = name.rsplit_once("+0x").filter(|(_, digits)| is_offset(digits)).map(|(name, _)| name);
    Frame { function: plain.unwrap_or(name).into(), file: file.into(), line }
}

/// Seconds with six decimals, as microseconds.
fn micros(text: &str) -> Option<u64> {
    let (seconds, micros) = text.split_once('.').filter(|(_, micros)| micros.len() == 6)?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::read;

    const LOG: &str = "\
tally:/# cat /proc/allocs\r
allocs - version: 1.0\r
2 live blocks, 356 bytes, 0 untracked\r
#        <address>       <size>  <align>        <seq>         <time> <cpu> <task>    <stack> <site>\r
  ffff80000ff20000          256        8            1       0.175461     0      0          1 <vfs::vfs::Vfs as a::B>::mount+0x29f vfs/src/mount.rs:57\r
[    0.500000] a message of the kernel\r
  ffff80000ff20100          100       16            2       0.275461     0      3          - -\r
tally:/# cat /proc/allocs_by_stack\r
allocs_by_stack - version: 1.1\r
stack 1: 256 bytes in 1 blocks live, peak 300 bytes, total 512 bytes in 2 blocks, taken 256 bytes\r
    grow_amortized library/alloc/src/raw_vec/mod.rs:528 (inlined)\r
    <vfs::vfs::Vfs>::mount+0x29f vfs/src/vfs.rs:57\r
    tally_high+0x10\r
tally:/# cat /proc/allocinfo\r
allocinfo - version: 1.0\r
#     <size>  <calls> <tag info>\r
         256        1 vfs/src/mount.rs:57 [tally] func:<A as B>::mount \r
           0        0 kernel/src/bugs/packets.rs:66 func:send \r
tally:/# \r
";

    fn found(dump: &Dump, address: u64) -> (&str, String) {
        let frame = &dump.names[&address][0];
        (frame.function.as_str(), frame.place())
    }

    #[test]
    fn the_files_are_found_in_a_log() {
        let dumps = read(LOG.as_bytes()).unwrap();
        let [allocs, by_stack, allocinfo] = dumps.as_slice() else { panic!("{} dumps", dumps.len()) };
        assert!(dumps.iter().all(|dump| dump.state == State::Whole), "{dumps:?}");
        assert_eq!((allocs.live.blocks, allocs.live.bytes, allocs.time_us), (2, 356, 275_461));
        assert_eq!((allocs.blocks[1].align_bytes, allocs.blocks[1].task, allocs.blocks[1].stack), (16, 3, 0));
        let first = allocs.stacks[0].frames[0];
        assert_eq!(found(allocs, first), ("<vfs::vfs::Vfs as a::B>::mount", "vfs/src/mount.rs:57".into()));
        let stack = &by_stack.stacks[0];
        assert_eq!((stack.peak_bytes, stack.total_bytes, stack.total_blocks), (300, 512, 2));
        let names: Vec<_> = stack.frames.iter().map(|address| found(by_stack, *address)).collect();
        assert_eq!(
            names,
            [
                ("grow_amortized", "library/alloc/src/raw_vec/mod.rs:528".into()),
                ("<vfs::vfs::Vfs>::mount", "vfs/src/vfs.rs:57".into()),
                ("tally_high", String::new()),
            ]
        );
        assert_eq!((allocinfo.stacks.len(), allocinfo.live.bytes), (2, 256));
        let site = allocinfo.stacks[0].frames[0];
        assert_eq!(found(allocinfo, site), ("<A as B>::mount", "vfs/src/mount.rs:57".into()));
        assert_eq!(allocinfo.first_line, 15);
    }

    #[test]
    fn a_file_that_lacks_lines_is_told() {
        let cut: String = LOG.lines().take(5).map(|line| line.to_owned() + "\n").collect();
        let dumps = read(cut.as_bytes()).unwrap();
        assert_eq!(dumps[0].state, State::Damaged);
        let expected = "line 5: the file counts 356 bytes in 2 blocks, but 256 in 1 were found";
        assert_eq!(dumps[0].problems[0].to_string(), expected);
    }
}
