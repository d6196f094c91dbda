//! `bench`: what the heap costs at the current level. See docs/benchmarks.md.

use alloc::vec::Vec;
use core::fmt;

use shell::{Command, Options, Session, Syntax};
use tally_heap::PAGE_BYTES;

use crate::arch::clock;
use crate::bench::{self, Cost, Crowd, Listed, Pair, Worst};
use crate::memory::heap::{backend_name, tracker};
use crate::memory::{Purpose, pages_for};

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    usage: "bench [pair | bulk BLOCKS | frames PAGES | worst BLOCKS CHURN | arena BLOCKS | list BLOCKS]",
    summary: "measure the heap at the current level, in counts of the time stamp counter",
    syntax: Syntax::operands(0, 3),
    run,
};

const PAIRS: [(&str, usize, Pair); 6] = [
    ("pair", 16, Pair::Kmalloc { size_bytes: 16 }),
    ("pair", 64, Pair::Kmalloc { size_bytes: 64 }),
    ("pair", 256, Pair::Kmalloc { size_bytes: 256 }),
    ("pair", 4096, Pair::Kmalloc { size_bytes: 4096 }),
    ("aligned-page", 4096, Pair::AlignedPage),
    ("frame", 4096, Pair::Frame),
];

fn run(session: &mut Session, options: &Options<'_>) {
    let is_measured = match options.operands.as_slice() {
        [] | ["pair"] => show_pairs(session),
        ["bulk", blocks] => with_number(blocks, |blocks| show_bulk(session, blocks)),
        ["frames", pages] => with_number(pages, |pages| show_frames(session, pages)),
        ["worst", blocks, churn] => {
            with_number(blocks, |blocks| with_number(churn, |churn| show_worst(session, blocks, churn)))
        }
        ["arena", blocks] => with_number(blocks, |blocks| show_arena(session, blocks)),
        ["list", blocks] => with_number(blocks, |blocks| show_list(session, blocks)),
        _ => Err("usage"),
    };
    match is_measured {
        Ok(()) => {}
        Err("usage") => session.show_usage(&COMMAND),
        Err(reason) => session.report_failure(format_args!("bench: {reason}")),
    }
}

type Measured = Result<(), &'static str>;

const NO_MEMORY: &str = "out of memory";

/// Interrupts are masked during a measurement, so Ctrl-C cannot end it.
const MAX_BLOCKS: usize = 20_000_000;

fn with_number(word: &str, show: impl FnOnce(usize) -> Measured) -> Measured {
    match word.parse() {
        Ok(number @ 1..=MAX_BLOCKS) => show(number),
        _ => Err("a count is a whole number from 1 to 20000000"),
    }
}

fn show_pairs(session: &mut Session) -> Measured {
    for (workload, size_bytes, pair) in PAIRS {
        let hundredths = bench::pair(pair).ok_or(NO_MEMORY)?;
        show(session, workload, size_bytes, 0, "counts", Hundredths(hundredths));
    }
    Ok(())
}

fn show_bulk(session: &mut Session, blocks: usize) -> Measured {
    let cost = Crowd::new(blocks).and_then(|mut crowd| crowd.measure_all()).ok_or(NO_MEMORY)?;
    show_cost(session, ["bulk-allocate", "bulk-free", "bulk"], 0, blocks, cost);
    Ok(())
}

fn show_frames(session: &mut Session, pages: usize) -> Measured {
    let cost = bench::measure_frames(pages).ok_or(NO_MEMORY)?;
    show_cost(session, ["frames-take", "frames-give", "frames"], PAGE_BYTES, pages, cost);
    Ok(())
}

/// What an allocation takes, what a free takes, and the mean of both.
fn show_cost(session: &mut Session, names: [&str; 3], size_bytes: usize, blocks: usize, cost: Cost) {
    let mean = u64::midpoint(cost.allocation, cost.free);
    for (name, hundredths) in names.into_iter().zip([cost.allocation, cost.free, mean]) {
        show(session, name, size_bytes, blocks, "counts", Hundredths(hundredths));
    }
}

fn show_worst(session: &mut Session, blocks: usize, churn: usize) -> Measured {
    let measured = Crowd::new(blocks).and_then(|mut crowd| crowd.measure_each(churn));
    let (grown, churned) = measured.ok_or(NO_MEMORY)?;
    let mut show_one = |workload: &str, percentile: &str, worst: Worst| {
        show(session, workload, 0, blocks, "counts", worst.max);
        show(session, percentile, 0, blocks, "counts", worst.percentile_99_99);
    };
    show_one("worst-growing", "99.99%-growing", grown);
    show_one("worst-churning", "99.99%-churning", churned);
    Ok(())
}

fn show_arena(session: &mut Session, blocks: usize) -> Measured {
    if blocks < bench::ARENA_MIN_BLOCKS {
        return Err("the arena is measured from 10000 blocks on");
    }
    let (max, max_of_many) =
        Crowd::new(blocks).and_then(|mut crowd| crowd.measure_arena()).ok_or(NO_MEMORY)?;
    show(session, "arena-from-10000", 16, blocks, "bytes_per_block", Hundredths(max));
    if let Some(max) = max_of_many {
        show(session, "arena-from-100000", 16, blocks, "bytes_per_block", Hundredths(max));
    }
    Ok(())
}

/// Reads `/proc/allocs` while many blocks are live: each must be listed once, whatever is allocated and freed
/// meanwhile, and the text must not take more memory for that.
fn show_list(session: &mut Session, blocks: usize) -> Measured {
    let mut listed = Listed::new(blocks).ok_or(NO_MEMORY)?;
    let pages_before = pages_for(Purpose::Buffers);
    let start_ns = clock::uptime_ns();
    let mut addresses = Addresses::default();
    let (mut twice, mut max_pages, mut pieces) = (0, 0, 0_usize);
    let mut passing = Vec::<u8>::new();
    let read = session.read("/proc/allocs", |_, bytes| {
        addresses.feed(bytes, |address| twice += usize::from(!listed.note(address)));
        max_pages = max_pages.max(pages_for(Purpose::Buffers));
        // One block more, one block less.
        pieces += 1;
        passing.clear();
        passing.shrink_to_fit();
        // Without memory there is no such block, and the list is checked all the same.
        let _ = passing.try_reserve_exact(16 * (1 + pieces % 8));
    });
    drop(passing);
    let missing = listed.missing();
    let milliseconds = (clock::uptime_ns() - start_ns) / 1_000_000;
    read.map_err(|_| "/proc/allocs could not be read")?;
    let text_pages = max_pages.saturating_sub(pages_before);
    for (unit, figure) in [("missing", missing), ("twice", twice), ("text_pages", text_pages)] {
        show(session, "list", 16, blocks, unit, figure);
    }
    show(session, "list", 16, blocks, "milliseconds", milliseconds);
    Ok(())
}

/// Finds the addresses at the beginnings of lines.
#[derive(Default)]
struct Addresses {
    /// The first column so far; `None` behind it.
    digits: Option<usize>,
    /// Whether the line may still be a row.
    is_row: bool,
}

impl Addresses {
    fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(usize)) {
        for byte in bytes {
            match (byte, char::from(*byte).to_digit(16)) {
                (b'\n', _) => (self.digits, self.is_row) = (None, true),
                (b' ', _) => {
                    if let Some(address) = self.digits.take() {
                        found(address);
                        self.is_row = false;
                    }
                }
                (_, Some(digit)) if self.is_row => {
                    self.digits = Some(self.digits.unwrap_or(0) << 4 | digit as usize);
                }
                _ => (self.digits, self.is_row) = (None, false),
            }
        }
    }
}

/// A figure, in one line of words that programs can read as well. Counts are instructions on a machine whose clock
/// counts those (QEMU's `-icount`); what machine it is the kernel does not know.
fn show(
    session: &mut Session,
    workload: &str,
    size_bytes: usize,
    live_blocks: usize,
    unit: &str,
    figure: impl fmt::Display,
) {
    let backend = backend_name();
    let level = tracker().level();
    session.print(format_args!(
        "bench: backend={backend} level={level} workload={workload} size_bytes={size_bytes} \
         live_blocks={live_blocks} {unit}={figure}\n"
    ));
}

/// A number of hundredths, shown with two decimals.
struct Hundredths(u64);

impl fmt::Display for Hundredths {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}
