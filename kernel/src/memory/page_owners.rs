//! Who owns a page: the run that it belongs to, what that is for, and what the tracker of pages knows of it.
//!
//! The words of the allocator say where runs start, at every level; the tracker's record adds who took one, and when.

use core::fmt;

use memstat::{Consistency, Record};
use tally_heap::PAGE_BYTES;

use super::page_accounting::{free_pages, page_traffic, pages_for, total_pages, words};
use super::page_numbers::{FIRST_NUMBER, numbered_pages, pages_from};
use super::page_tracker::{self, page_tracker};
use super::pages::persistent;
use super::purpose::Purpose;
use crate::arch::{VAddr, direct_map};

/// A run of pages that is in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageOwner {
    /// The first page, in the direct map.
    pub(crate) first: VAddr,
    /// How many pages there are.
    pub(crate) pages: usize,
    /// What they are for; `None` for pages that nobody answers for.
    pub(crate) purpose: Option<Purpose>,
    /// The record of the run, with time, CPU, task, sequence number and call stack. `None` if it was taken below level
    /// `blocks`, before there was a tracker, by the tracker itself, or when its arena was full.
    pub(crate) record: Option<Record>,
}

impl PageOwner {
    /// The order of the smallest block of the buddy heaps that has room for the run.
    pub(crate) fn order(&self) -> u32 {
        self.pages.next_power_of_two().trailing_zeros()
    }

    /// The number of the call stack that took the run; 0 if it is not known.
    pub(crate) fn stack(&self) -> u16 {
        self.record.map_or(0, |record| record.stack())
    }

    fn of(run: tally_heap::PageRun) -> Self {
        Self::with_record(run, |first| page_tracker().blocks().get(first))
    }

    fn with_record(run: tally_heap::PageRun, record: impl FnOnce(usize) -> Option<Record>) -> Self {
        let first = run.first.start() as usize;
        Self {
            first: VAddr::from_usize(first),
            pages: run.pages,
            purpose: Purpose::with_number(run.purpose),
            record: if run.is_unlisted { None } else { record(first) },
        }
    }

    /// The region of the black box, which was taken before there were runs.
    fn of_black_box() -> Option<Self> {
        let place = persistent::place()?;
        Some(Self {
            first: direct_map::to_virtual(place.start()),
            pages: place.size_bytes() as usize / PAGE_BYTES,
            purpose: Some(Purpose::Persistent),
            record: None,
        })
    }
}

/// The owner of the page that an address of the direct map lies in; `None` if the page is free, or not managed: part of
/// the image, of the boot's page tables, of the metadata of pages.
pub(crate) fn owner_of(address: VAddr) -> Option<PageOwner> {
    let run = words().containing(address.as_usize()).map(PageOwner::of);
    run.or_else(|| black_box_with(address))
}

/// As [`owner_of`], for code that must not wait: there is no record while the lock of the tracker of pages is held.
pub(crate) fn try_owner_of(address: VAddr) -> Option<PageOwner> {
    let record = |first| page_tracker().blocks().try_life_at(first).ok().flatten().map(|life| life.block);
    let run = words().containing(address.as_usize()).map(|run| PageOwner::with_record(run, record));
    run.or_else(|| black_box_with(address))
}

fn black_box_with(address: VAddr) -> Option<PageOwner> {
    let contains =
        |region: &PageOwner| (region.first..region.first + region.pages * PAGE_BYTES).contains(&address);
    PageOwner::of_black_box().filter(contains)
}

/// Passes the runs that start among the next `limit` pages from the page with the number `from` on (0 for the first call)
/// to `visit`, by address, until that returns false. Returns the number to go on with; `None` at the end. A run that is in
/// use from the first call to the last is passed exactly once.
pub(crate) fn visit_runs(
    from: usize,
    limit: usize,
    visit: &mut dyn FnMut(&PageOwner) -> bool,
) -> Option<usize> {
    let black_box = PageOwner::of_black_box();
    let words = words();
    let mut number = from.max(FIRST_NUMBER);
    let end = (number + limit).min(FIRST_NUMBER + numbered_pages());
    while number < end {
        let span = pages_from(number)?;
        let count = span.page_count().min(end - number);
        let mut page = 0;
        while page < count {
            let address = span.first().start() as usize + page * PAGE_BYTES;
            let run = words.starting_at(address).map(PageOwner::of);
            let owner = run.or_else(|| black_box.filter(|region| region.first.as_usize() == address));
            // The pages inside a run start none.
            page += owner.map_or(1, |owner| owner.pages);
            if let Some(owner) = owner
                && !visit(&owner)
            {
                return Some(number + page);
            }
        }
        number += page;
    }
    (number < FIRST_NUMBER + numbered_pages()).then_some(number)
}

/// Sums over all runs: pages in use, and those that nobody answers for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunSums {
    /// Pages for each purpose.
    pub(crate) by_purpose: [usize; Purpose::COUNT],
    /// Pages without a purpose.
    pub(crate) unowned: usize,
    /// Pages of runs with a record.
    pub(crate) recorded: usize,
    /// Runs with a record.
    pub(crate) recorded_runs: usize,
    /// Runs.
    pub(crate) runs: usize,
}

impl RunSums {
    /// Of now. It looks at the word of every page; interrupts should be masked, or the sums may be of several moments.
    pub(crate) fn now() -> Self {
        let mut sums = Self::default();
        visit_runs(0, usize::MAX / 2, &mut |owner| {
            match owner.purpose.and_then(|purpose| sums.by_purpose.get_mut(purpose as usize)) {
                Some(sum) => *sum += owner.pages,
                None => sums.unowned += owner.pages,
            }
            sums.runs += 1;
            if owner.record.is_some() {
                sums.recorded += owner.pages;
                sums.recorded_runs += 1;
            }
            true
        });
        sums
    }

    /// Pages of all runs.
    pub(crate) fn pages(&self) -> usize {
        self.by_purpose.iter().sum::<usize>() + self.unowned
    }
}

/// Whether all that is known of pages agrees: the tracker's own figures, the runs, the purposes, and what is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PagesCheck {
    /// It does.
    Holds,
    /// It does not: this is what is wrong.
    Broken(&'static str),
    /// Pages were taken or given back during the check.
    Busy,
}

impl PagesCheck {
    /// Checks it now.
    pub(crate) fn now() -> Self {
        let before = page_traffic();
        let (sums, counters) = (RunSums::now(), page_tracker().counters());
        let in_use = total_pages() - free_pages();
        let by_purpose = Purpose::ALL.map(pages_for);
        let of_tracker = page_tracker().check_consistency();
        if page_traffic() != before {
            return Self::Busy;
        }
        let bytes = |pages: usize| (pages * PAGE_BYTES) as u64;
        let (arena_taken, arena_given) = page_tracker::arena_traffic();
        let past_tracker = arena_taken - arena_given + black_box_pages();
        let checks = [
            (sums.unowned == 0, "pages without an owner"),
            (sums.pages() == in_use, "the sum over all runs is not what is in use"),
            (sums.by_purpose == by_purpose, "the sums over runs by purpose are not the totals"),
            (
                bytes(in_use - past_tracker) == counters.taken_bytes,
                "what is in use is not what the tracker counts",
            ),
            (
                sums.recorded_runs as u64 == counters.recorded_blocks(),
                "the number of runs with a record is not that of the records",
            ),
            (bytes(sums.recorded) == counters.live_bytes, "the sum over runs with a record is not the total"),
        ];
        match (checks.into_iter().find(|(holds, _)| !holds), of_tracker) {
            (Some((_, what)), _) | (None, Consistency::Broken(what)) => Self::Broken(what),
            (None, Consistency::Busy) => Self::Busy,
            (None, Consistency::Holds) => Self::Holds,
        }
    }
}

impl fmt::Display for PagesCheck {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => out.write_str("yes"),
            Self::Broken(what) => write!(out, "no, {what}"),
            Self::Busy => out.write_str("unknown, pages were taken during the check"),
        }
    }
}

fn black_box_pages() -> usize {
    PageOwner::of_black_box().map_or(0, |region| region.pages)
}
