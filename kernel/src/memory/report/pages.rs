//! How the pages are used, in words: for the report of a failed allocation, `memstat pages` and `leaks since`.

use core::fmt;

use tally_heap::PAGE_BYTES;
use tally_heap::frames::SHOWN_ORDERS;

use crate::memory::page_accounting::{Purpose, free_blocks, free_pages, pages_for, total_pages};

/// All pages, the free ones, and those that are taken, by purpose: `memory: 260608 kB, 259032 free; heap 8, ...`.
pub(crate) struct PageUse;

impl fmt::Display for PageUse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "memory: {} kB, {} free; ", kib(total_pages()), kib(free_pages()))?;
        let is_shown = |purpose: &Purpose| *purpose != Purpose::Drivers || pages_for(*purpose) > 0;
        for (number, purpose) in Purpose::ALL.into_iter().filter(is_shown).enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(out, "{separator}{} {}", purpose.name(), kib(pages_for(purpose)))?;
        }
        Ok(())
    }
}

/// The largest run of pages that can be taken at once, in kB: much free memory in small runs has no room for a large
/// block. Runs above the largest order that is counted are not told apart.
pub(crate) struct LargestFreeRun;

impl fmt::Display for LargestFreeRun {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = free_blocks().iter().rposition(|count| *count > 0);
        write!(out, "{} kB", order.map_or(0, |order| kib(1 << order)))?;
        if order == Some(SHOWN_ORDERS - 1) { out.write_str(" or more") } else { Ok(()) }
    }
}

/// Pages taken for each purpose, at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PagesByPurpose([usize; Purpose::ALL.len()]);

impl PagesByPurpose {
    /// Those of now.
    pub(crate) fn now() -> Self {
        Self(Purpose::ALL.map(pages_for))
    }

    /// The same with `pages` fewer for a purpose.
    pub(crate) fn without(mut self, purpose: Purpose, pages: usize) -> Self {
        for (place, of) in self.0.iter_mut().zip(Purpose::ALL) {
            if of == purpose {
                *place = place.saturating_sub(pages);
            }
        }
        self
    }
}

/// By how much the pages for each purpose grew or shrank, in kB: `heap +8, files -4`, or `no change`.
pub(crate) struct PageChange {
    /// What was taken first.
    pub(crate) earlier: PagesByPurpose,
    /// And later.
    pub(crate) later: PagesByPurpose,
}

impl fmt::Display for PageChange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for ((purpose, earlier), later) in Purpose::ALL.into_iter().zip(self.earlier.0).zip(self.later.0) {
            if later != earlier {
                let (earlier, later) = (kib(earlier) as i64, kib(later) as i64);
                write!(out, "{separator}{} {:+} kB", purpose.name(), later - earlier)?;
                separator = ", ";
            }
        }
        if separator.is_empty() { out.write_str("no change") } else { Ok(()) }
    }
}

fn kib(pages: usize) -> usize {
    pages * (PAGE_BYTES / 1024)
}
