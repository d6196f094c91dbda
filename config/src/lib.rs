//! The kernel's configuration: words on its command line.
//!
//! The line comes from GRUB and, under QEMU, from the file `opt/tally/cmdline` of its configuration device;
//! later words override earlier ones. An unknown word is named in a warning and has no effect.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use core::fmt;
use core::ops::RangeInclusive;

use log::LevelFilter;
use memstat::{GuardLevel, Level, MAX_HISTORY_EVENTS, MAX_SAMPLE_SLOTS};
use tally_heap::Kind;
use tally_heap::PAGE_BYTES;

/// The options of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// `log=off|error|warn|info|debug|trace`: the least urgent messages that are kept.
    pub log_level: LevelFilter,
    /// `demo=memstat`: the demonstration of the counters runs at boot.
    pub is_demo_wanted: bool,
    /// `heap=slab|buddy|talc|tlsf|linked-list`: the heap's backend.
    pub heap: Kind,
    /// `memstat=off|counters|blocks|stacks|full`: how much the tracker records.
    pub level: Level,
    /// `memstat.pages=off|counters|blocks|stacks|full`: how much is recorded of pages; as of blocks if it is not said.
    pub pages_level: Option<Level>,
    /// `memstat.history=EVENTS`: how many events the history keeps.
    pub history_events: Option<usize>,
    /// `memstat.arena=SIZE`: the maximum size of the tracker's arena, as in `64K` or `2M`.
    pub arena_limit_bytes: Option<usize>,
    /// `symbols=full|off`: whether call stacks have names; `cut|noise|scattered|blind` damage the symbols, for tests.
    pub symbols: SymbolSource,
    /// `guard=off|free|redzone|full`: the heap checks.
    pub guard: GuardLevel,
    /// `blackbox=on|off`: whether a crash record is kept across restarts.
    pub has_black_box: bool,
    /// `failnth=N`: the Nth allocation of a block fails, counted from the heap's start.
    pub fail_nth: Option<u64>,
    /// `failpages=N`: the Nth allocation of pages fails.
    pub fail_nth_page: Option<u64>,
    /// `guard.sample=N`: every Nth allocation gets a page of its own between guard pages; 0 if none does.
    pub sample_interval: u32,
    /// `guard.pages=N`: the maximum number of such blocks at once.
    pub sample_slots: Option<usize>,
    /// `panic=halt|reboot|poweroff|exit`: what happens after the report of a panic or fault.
    pub on_panic: OnPanic,
    /// `tmpfs.size=SIZE|PERCENT%`: the maximum size of each file system in memory.
    pub tmpfs_size: Share,
}

/// An amount of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// An absolute size in bytes.
    Bytes(usize),
    /// A percentage of the total.
    Percent(u8),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log_level: LevelFilter::Info,
            is_demo_wanted: false,
            heap: Kind::Slab,
            level: Level::Stacks,
            pages_level: None,
            history_events: None,
            arena_limit_bytes: None,
            guard: GuardLevel::Off,
            fail_nth: None,
            fail_nth_page: None,
            sample_interval: 0,
            sample_slots: None,
            on_panic: OnPanic::Halt,
            has_black_box: true,
            // As Linux's tmpfs.
            tmpfs_size: Share::Percent(50),
            symbols: SymbolSource::Full,
        }
    }
}

impl Config {
    /// How much is recorded of pages.
    pub fn page_level(&self) -> Level {
        self.pages_level.unwrap_or(self.level)
    }

    /// Applies the words of `line`, and passes unknown words and invalid values to `refused`.
    pub fn apply(&mut self, line: &str, mut refused: impl FnMut(Refused<'_>)) {
        for word in line.split_ascii_whitespace() {
            if self.apply_word(word).is_none() {
                refused(Refused { word, expected: expected(word.split('=').next().unwrap_or(word)) });
            }
        }
    }

    fn apply_word(&mut self, word: &str) -> Option<()> {
        match word.split_once('=')? {
            ("log", level) => self.log_level = level.parse().ok()?,
            ("demo", "memstat") => self.is_demo_wanted = true,
            ("heap", name) => self.heap = Kind::from_name(name)?,
            ("memstat", level) => self.level = Level::from_name(level)?,
            ("memstat.pages", level) => self.pages_level = Some(Level::from_name(level)?),
            ("memstat.history", events) => self.history_events = Some(number_in(&HISTORY_EVENTS, events)?),
            ("symbols", name) => self.symbols = SymbolSource::from_name(name)?,
            ("memstat.arena", size) => self.arena_limit_bytes = Some(size_bytes(size)?),
            ("guard", level) => self.guard = GuardLevel::from_name(level)?,
            ("blackbox", "on") => self.has_black_box = true,
            ("blackbox", "off") => self.has_black_box = false,
            ("failnth", number) => self.fail_nth = Some(positive(number)?),
            ("failpages", number) => self.fail_nth_page = Some(positive(number)?),
            ("guard.sample", interval) => self.sample_interval = interval.parse().ok()?,
            ("guard.pages", slots) => self.sample_slots = Some(number_in(&SAMPLE_SLOTS, slots)?),
            ("panic", name) => self.on_panic = OnPanic::from_name(name)?,
            ("tmpfs.size", size) => self.tmpfs_size = share(size)?,
            _ => return None,
        }
        Some(())
    }
}

/// A word that was refused. Displays as the text of the warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused<'a> {
    word: &'a str,
    /// The values of the option, where the option is known.
    expected: Option<Expected>,
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expected {
            Some(expected) => write!(out, "{}: expected {expected}", self.word),
            None => write!(out, "'{}' is unknown and ignored", self.word),
        }
    }
}

/// The values of `memstat.history`.
const HISTORY_EVENTS: RangeInclusive<usize> = 0..=MAX_HISTORY_EVENTS;
/// The values of `guard.pages`.
const SAMPLE_SLOTS: RangeInclusive<usize> = 1..=MAX_SAMPLE_SLOTS;
/// The values of `guard.sample`.
const SAMPLE_INTERVALS: RangeInclusive<usize> = 0..=u32::MAX as usize;

/// The values that an option can be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// As this text says.
    Words(&'static str),
    /// A number in this range.
    Number { min: usize, max: usize },
}

impl Expected {
    fn number(range: &RangeInclusive<usize>) -> Self {
        Self::Number { min: *range.start(), max: *range.end() }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => out.write_str(words),
            Self::Number { min, max } => write!(out, "a number from {min} to {max}"),
        }
    }
}

/// The values that the option of this name can be set to; `None` if there is no such option.
fn expected(option: &str) -> Option<Expected> {
    Some(Expected::Words(match option {
        "log" => "off, error, warn, info, debug or trace",
        "demo" => "memstat",
        "heap" => "slab, buddy, talc, tlsf or linked-list",
        "memstat" | "memstat.pages" => "off, counters, blocks, stacks or full",
        "memstat.history" => return Some(Expected::number(&HISTORY_EVENTS)),
        "memstat.arena" => "a size as in 64K or 2M",
        "guard" => "off, free, redzone or full",
        "guard.sample" => return Some(Expected::number(&SAMPLE_INTERVALS)),
        "guard.pages" => return Some(Expected::number(&SAMPLE_SLOTS)),
        "blackbox" => "on or off",
        "failnth" | "failpages" => "a number of at least 1",
        "panic" => "halt, reboot, poweroff or exit",
        "symbols" => "full, off, cut, noise, scattered or blind",
        "tmpfs.size" => "a size as in 64M, or a percentage as in 50%",
        _ => return None,
    }))
}

/// Where the names of functions, files and lines come from. All but the first two simulate damage, for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolSource {
    /// From the sections that the boot loader has loaded.
    Full,
    /// There are no names.
    Off,
    /// Each section is cut to half of its length.
    Cut,
    /// The debug information is overwritten with noise.
    Noise,
    /// One byte in 1024 of the debug information is overwritten.
    Scattered,
    /// Debug information and symbol table are overwritten with noise.
    Blind,
}

impl SymbolSource {
    /// The one with that name.
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "full" => Self::Full,
            "off" => Self::Off,
            "cut" => Self::Cut,
            "noise" => Self::Noise,
            "scattered" => Self::Scattered,
            "blind" => Self::Blind,
            _ => return None,
        })
    }
}

/// A number in `range`.
fn number_in(range: &RangeInclusive<usize>, text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| range.contains(number))
}

/// A number of at least 1.
fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

/// What happens after the report of a panic or fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPanic {
    /// The CPU stops, and the report stays on the screen.
    Halt,
    /// The machine restarts after a few seconds.
    Reboot,
    /// The machine powers off.
    PowerOff,
    /// QEMU exits with a status of its own, if it has the device `isa-debug-exit`.
    Exit,
}

impl OnPanic {
    /// The one with that name.
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "halt" => Self::Halt,
            "reboot" => Self::Reboot,
            "poweroff" => Self::PowerOff,
            "exit" => Self::Exit,
            _ => return None,
        })
    }
}

/// A size as in `65536`, `64K`, `2M` or `1G`.
pub fn size_bytes(text: &str) -> Option<usize> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' | b'k' => (text.get(..text.len() - 1)?, 10),
        b'M' | b'm' => (text.get(..text.len() - 1)?, 20),
        b'G' | b'g' => (text.get(..text.len() - 1)?, 30),
        _ => (text, 0),
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

/// A size, or a part as in `50%`.
fn share(text: &str) -> Option<Share> {
    match text.strip_suffix('%') {
        Some(digits) => digits.parse().ok().filter(|percent| *percent <= 100).map(Share::Percent),
        None => size_bytes(text).map(Share::Bytes),
    }
}

impl Share {
    /// The amount in pages, rounded down, of `total_pages`.
    pub fn pages(self, total_pages: usize) -> usize {
        match self {
            Self::Bytes(bytes) => bytes / PAGE_BYTES,
            Self::Percent(percent) => total_pages / 100 * usize::from(percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(line: &str) -> (Config, Vec<String>) {
        let mut config = Config::default();
        let mut refused = Vec::new();
        config.apply(line, |word| refused.push(word.to_string()));
        (config, refused)
    }

    #[test]
    fn known_words_take_effect_and_others_are_named() {
        let (config, refused) = parsed(
            "  log=debug demo=memstat heap=tlsf memstat.arena=64K guard=full guard.sample=100 guard.pages=-1 failnth=3 \
             panic=exit heap=none quiet log=loud failnth=0 panic=maybe",
        );
        assert_eq!(config.log_level, LevelFilter::Debug);
        assert!(config.is_demo_wanted);
        assert_eq!(config.heap, Kind::Tlsf);
        assert_eq!(config.page_level(), Level::Stacks);
        assert_eq!(parsed("memstat=off").0.page_level(), Level::Off);
        assert_eq!(parsed("memstat.pages=blocks memstat=off").0.page_level(), Level::Blocks);
        assert_eq!(config.guard, GuardLevel::Full);
        assert_eq!((config.sample_interval, config.sample_slots), (100, None));
        assert_eq!(config.on_panic, OnPanic::Exit);
        assert_eq!(config.arena_limit_bytes, Some(65536));
        assert_eq!((config.fail_nth, config.fail_nth_page), (Some(3), None));
        assert_eq!(
            refused,
            [
                "guard.pages=-1: expected a number from 1 to 1024",
                "heap=none: expected slab, buddy, talc, tlsf or linked-list",
                "'quiet' is unknown and ignored",
                "log=loud: expected off, error, warn, info, debug or trace",
                "failnth=0: expected a number of at least 1",
                "panic=maybe: expected halt, reboot, poweroff or exit",
            ]
        );
    }

    #[test]
    fn sizes_have_units_and_limits() {
        assert_eq!(size_bytes("2M"), Some(2 << 20));
        assert_eq!(size_bytes("17"), Some(17));
        for nonsense in ["", "K", "-1", "1T", "99999999999G"] {
            assert_eq!(size_bytes(nonsense), None, "{nonsense}");
        }
        assert_eq!(share("25%").map(|share| share.pages(1000)), Some(250));
        assert_eq!(share("9K").map(|share| share.pages(1000)), Some(2));
        for nonsense in ["101%", "%", "-1%", "1K%"] {
            assert_eq!(share(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for (word, expected) in [
            ("guard.pages=0", "a number from 1 to 1024"),
            ("guard.pages=1025", "a number from 1 to 1024"),
            ("memstat.history=67108865", "a number from 0 to 67108864"),
            ("memstat.history=99999999999", "a number from 0 to 67108864"),
            ("guard.sample=4294967296", "a number from 0 to 4294967295"),
            ("failpages=18446744073709551616", "a number of at least 1"),
            ("memstat.arena=99999999999G", "a size as in 64K or 2M"),
            ("tmpfs.size=101%", "a size as in 64M, or a percentage as in 50%"),
            ("heap", "slab, buddy, talc, tlsf or linked-list"),
        ] {
            assert_eq!(parsed(word), (Config::default(), vec![format!("{word}: expected {expected}")]));
        }
        let (config, refused) = parsed("guard.pages=1024 memstat.history=67108864 guard.sample=4294967295");
        assert_eq!((config.sample_slots, config.history_events), (Some(1024), Some(67_108_864)));
        assert_eq!((config.sample_interval, refused), (u32::MAX, Vec::new()));
        assert_eq!(parsed("guard.pages=1 memstat.history=0").1, Vec::<String>::new());
    }

    #[test]
    fn each_value_that_is_said_to_be_expected_is_taken() {
        let options =
            ["log", "demo", "heap", "memstat", "memstat.pages", "guard", "blackbox", "panic", "symbols"];
        for option in options {
            let values = expected(option).unwrap().to_string();
            for value in values.split(", ").flat_map(|part| part.split(" or ")) {
                assert_eq!(parsed(&format!("{option}={value}")).1, Vec::<String>::new());
            }
        }
        let is_named = |option, name| expected(option).is_some_and(|names| names.to_string().contains(name));
        assert!(Kind::ALL.into_iter().all(|kind| is_named("heap", kind.name())));
        assert!(Level::ALL.into_iter().all(|level| is_named("memstat", level.name())));
        assert!(GuardLevel::ALL.into_iter().all(|level| is_named("guard", level.name())));
    }

    proptest! {
        #[test]
        fn any_line_gets_an_answer(line in any::<String>()) {
            parsed(&line);
        }
    }
}
