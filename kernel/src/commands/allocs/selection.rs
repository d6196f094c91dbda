//! Which records are meant, and the keys that they are summed up by.

use core::ops::RangeInclusive;

use control::allocs::{Group, age_class, range};
use memstat::{Platform, Record, Sites};
use shell::{Options, Session};

use crate::arch::{VAddr, clock};
use crate::memory::Scratch;
use crate::memory::heap::tracker;
use crate::memory::leaks::marks;
use crate::memory::ledger::Ledger;
use crate::symbols;

const NS_PER_S: u64 = 1_000_000_000;

/// What all selected records have in common.
pub(super) struct Selection {
    sizes: RangeInclusive<u64>,
    ages_s: RangeInclusive<u64>,
    /// Calls of which one is in the call stack; none if it does not matter.
    sites: Sites,
    task: Option<u64>,
    cpu: Option<u64>,
    /// The stamp of a mark: only later records are meant.
    since: Option<u64>,
    now_ns: u64,
}

impl Selection {
    /// Reads the options. Says so if one is wrong.
    pub(super) fn of(session: &mut Session, options: &Options<'_>) -> Option<Self> {
        let mut selection = Self {
            sizes: 0..=u64::MAX,
            ages_s: 0..=u64::MAX,
            sites: Sites::ALL,
            task: options.number('t'),
            cpu: options.number('c'),
            since: None,
            now_ns: clock::uptime_ns(),
        };
        let size = |word: &str| config::size_bytes(word).map(|bytes| bytes as u64);
        for word in options.values('s') {
            selection.sizes = known(session, word, range(word, size), "sizes as in 64, 4K-, -100 or 100-4K")?;
        }
        for word in options.values('a') {
            let ages = range(word, |word| word.parse().ok());
            selection.ages_s = known(session, word, ages, "seconds as in 5, 5-, -5 or 5-60")?;
        }
        for word in options.values('f') {
            let before = selection.sites.clone();
            let found = symbols::find_sites(word, &mut selection.sites);
            let is_new = found.is_ok() && selection.sites != before;
            let expected = "a function, alone or with its modules, or FILE:LINE, whose calls are few enough";
            known(session, word, is_new.then_some(()), expected)?;
        }
        for word in options.values('m') {
            let mark = known(session, word, marks::find(word), "the name of a mark; leaks marks lists them")?;
            selection.since = Some(mark.snapshot.stamp);
        }
        Some(selection)
    }

    fn age_ns(&self, record: &Record) -> u64 {
        self.now_ns.saturating_sub(tracker().platform().stamp_to_ns(record.stamp()))
    }

    /// Whether a record is meant.
    pub(super) fn fits(&self, record: &Record, stacks: &Stacks) -> bool {
        self.sizes.contains(&(record.size_bytes() as u64))
            && self.ages_s.contains(&(self.age_ns(record) / NS_PER_S))
            && self.task.is_none_or(|task| task == u64::from(record.task()))
            && self.cpu.is_none_or(|cpu| cpu == u64::from(record.cpu()))
            && self.since.is_none_or(|since| record.stamp() > since)
            && stacks.of(record).is_meant
    }

    /// The key of a record.
    pub(super) fn key(&self, group: Group, record: &Record, stacks: &Stacks) -> u64 {
        match group {
            Group::Function => stacks.of(record).function as u64,
            Group::Site => stacks.of(record).site as u64,
            Group::Size => record.size_bytes() as u64,
            Group::Task => u64::from(record.task()),
            Group::Cpu => u64::from(record.cpu()),
            Group::Age => age_class(self.age_ns(record)),
        }
    }
}

fn known<T>(session: &mut Session, word: &str, value: Option<T>, expected: &str) -> Option<T> {
    if value.is_none() {
        session.report_failure(format_args!("allocs: '{word}' is not what was expected: {expected}"));
    }
    value
}

/// What a call stack means for the question.
#[derive(Clone, Copy, Default)]
pub(super) struct StackKeys {
    is_meant: bool,
    /// The innermost return address.
    site: usize,
    /// The start of the function that it lies in, or the address itself where that is not known.
    function: usize,
}

/// That of all call stacks, by number; number 0 has the records without one.
pub(super) struct Stacks(Scratch<StackKeys>);

impl Stacks {
    /// Looks at each call stack once. `None` without memory.
    pub(super) fn find(ledger: Ledger, selection: &Selection) -> Option<Self> {
        let count = usize::from(ledger.stack_count());
        let mut number = 0_u16;
        let is_any = selection.sites.is_all();
        let keys = Scratch::new(count + 1, || {
            let stack = ledger.stack(number).filter(|_| number > 0);
            number = number.saturating_add(1);
            let Some(stack) = stack else { return StackKeys { is_meant: is_any, ..StackKeys::default() } };
            let site = stack.frames().first().copied().unwrap_or(0);
            StackKeys {
                is_meant: is_any || stack.frames().iter().any(|frame| selection.sites.contains(*frame)),
                site,
                function: symbols::function_start(VAddr::from_usize(site)).as_usize(),
            }
        })?;
        Some(Self(keys))
    }

    fn of(&self, record: &Record) -> StackKeys {
        // A stack that is newer than this table is none that was asked about.
        self.0.as_slice().get(usize::from(record.stack())).copied().unwrap_or_default()
    }
}
