//! `fuzz`: random lines of kmalloc, kzalloc, krealloc and kfree, with wrong sizes and addresses among them. After each,
//! the heap must have as many blocks more as the shell has made.

use core::fmt::Write;

use arrayvec::ArrayString;
use memstat::Record;
use shell::{Command, Options, Session, Syntax};

use crate::commands::fail::snapshot::Snapshot;
use crate::logger::CONSOLE_LEVEL;
use crate::memory::by_hand;
use crate::memory::heap::tracker;
use journal::ConsoleLevel;

pub(super) const COMMAND: Command = Command {
    name: "fuzz",
    usage: "fuzz [LINES [SEED]]",
    summary: "run random lines of kmalloc, kzalloc, krealloc and kfree, and check the heap's figures",
    syntax: Syntax::operands(0, 2),
    run,
};

const DEFAULT_LINES: u64 = 10_000;
/// More blocks than this are freed at once.
const MAX_LIVE: u64 = 200;

/// The longest word is an address with its `0x`, or `18446744073709551616`.
type Word = ArrayString<24>;

fn run(session: &mut Session, options: &Options<'_>) {
    let mut numbers = [DEFAULT_LINES, 1];
    for (word, place) in options.operands.iter().zip(&mut numbers) {
        let Ok(number) = word.parse() else {
            return session.report_failure(format_args!("fuzz: '{word}' is not a number"));
        };
        *place = number;
    }
    let [lines, seed] = numbers;
    session.without_output(|session| session.run_words(&["kfree", "all"]));
    let before = Snapshot::take();
    let corruptions_before = tracker().guards().statistics().corruptions();
    let console_level = CONSOLE_LEVEL.all()[0];
    // The reports of refused frees go to the log.
    CONSOLE_LEVEL.set(ConsoleLevel::QUIET);
    let ran = session.without_output(|session| run_lines(session, lines, seed));
    CONSOLE_LEVEL.set(console_level);
    let change = Snapshot::take().live_since(&before);
    let is_sound = tracker().guards().statistics().corruptions() == corruptions_before;
    session.print(format_args!(
        "fuzz: seed {seed}: {} lines, {} done, {} refused; consistent: {}\n",
        ran.done + ran.refused,
        ran.done,
        ran.refused,
        tracker().check_consistency()
    ));
    session.set_failed(false);
    if let Some(number) = ran.wrong_at {
        session.report_failure(format_args!("fuzz: after line {number} the figures are wrong"));
    }
    if let Some(change) = change {
        session.report_failure(format_args!("fuzz: left behind: {change}"));
    }
    if !is_sound {
        session.report_failure(format_args!("fuzz: the guards found damage; see dmesg"));
    }
}

#[derive(Default)]
struct Ran {
    /// Lines that succeeded.
    done: u64,
    /// Lines that failed.
    refused: u64,
    /// The first line after which the figures were wrong.
    wrong_at: Option<u64>,
}

/// Runs lines until one breaks the figures, or until Ctrl-C; then frees all blocks.
fn run_lines(session: &mut Session, lines: u64, seed: u64) -> Ran {
    let mut random = Random { state: seed.wrapping_mul(2) + 1, freed: 0 };
    let mut ran = Ran::default();
    let base = tracker().counters().live_blocks;
    while ran.done + ran.refused < lines && ran.wrong_at.is_none() && !session.is_interrupted() {
        let live = by_hand::count() as u64;
        let words = if live > MAX_LIVE { ["kfree", "all", ""].map(word) } else { random.line() };
        let count = if words[2].is_empty() { 2 } else { 3 };
        let words = words.each_ref().map(Word::as_str);
        session.run_words(&words[..count]);
        if session.has_failed() {
            ran.refused += 1;
        } else {
            ran.done += 1;
        }
        if tracker().counters().live_blocks != base + by_hand::count() as u64 {
            ran.wrong_at = Some(ran.done + ran.refused);
        }
    }
    session.run_words(&["kfree", "all"]);
    ran
}

fn word(text: &str) -> Word {
    Word::from(text).unwrap_or_default()
}

/// A source of lines: the xorshift generator (Marsaglia 2003).
struct Random {
    state: u64,
    /// An address that was live once.
    freed: usize,
}

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % limit
    }

    /// A command and its words; the last may be missing.
    fn line(&mut self) -> [Word; 3] {
        let nothing = Word::new();
        match self.below(10) {
            0..=2 => [word("kmalloc"), self.size(), nothing],
            3 => [word("kzalloc"), self.size(), self.count()],
            4..=6 => [word("krealloc"), self.address(), self.size()],
            _ => [word("kfree"), self.address(), nothing],
        }
    }

    fn size(&mut self) -> Word {
        match self.below(24) {
            0 => word("18446744073709551616"),
            1 => word("-1"),
            2 => word("12x"),
            3 => word("0xffffffffffffffff"),
            4 => word("9223372036854775807"),
            5 => word("64G"),
            6 => word("0"),
            7 => number(self.below(1 << 20)),
            8 => number(4095 + self.below(3)),
            _ => number(self.below(600)),
        }
    }

    fn count(&mut self) -> Word {
        match self.below(8) {
            0 => word("0"),
            1 => word("4097"),
            2 => word("many"),
            _ => number(1 + self.below(4)),
        }
    }

    fn address(&mut self) -> Word {
        let live = by_hand::get(self.below(by_hand::count().max(1) as u64) as usize).unwrap_or(0);
        let address = match self.below(16) {
            0 => return word("nonsense"),
            1 => return word(""),
            2 => return word("0x10000000000000000"),
            3 => 0,
            4 => live.wrapping_add(1 + self.below(600) as usize),
            5 => live.wrapping_sub(self.below(64) as usize),
            6 => self.freed,
            7 => self.of_any_block(),
            8 => self.below(u64::MAX) as usize,
            9 => usize::MAX - self.below(4096) as usize,
            _ => {
                self.freed = live;
                live
            }
        };
        let mut text = Word::new();
        // There is room.
        let _ = write!(text, "{address:#x}");
        text
    }

    /// The address of one of the first live blocks, whoever made it: some of them are the kernel's own.
    fn of_any_block(&mut self) -> usize {
        let mut records = [Record::EMPTY; 4];
        let (count, _) = tracker().blocks().read(0, &mut records);
        records.get(self.below(count.max(1) as u64) as usize).map_or(0, Record::address)
    }
}

fn number(number: u64) -> Word {
    let mut text = Word::new();
    // There is room.
    let _ = write!(text, "{number}");
    text
}
