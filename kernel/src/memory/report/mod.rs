//! Reports of heap errors: out of memory, bad free, corruption, deadlock, invalid access to a sampled block.
//!
//! The heap below does not know these functions: `platform`'s hooks call them. `symbols`, above, registers the names of
//! code.

mod call_stack;
mod corruption;
mod deadlock;
pub(crate) mod invalid_access;
mod out_of_memory;
mod pages;
mod pages_damage;
mod rate_limit;
mod taken;

pub(crate) use call_stack::{Names, name_by, show_all_frames, shown_frames, shows_all_frames};
pub(crate) use pages::{LargestFreeRun, PageChange, PageUse, PagesByPurpose};
pub(crate) use taken::taken_bytes_of;

use super::platform::Reports;

/// The reports for the tracker's callbacks.
pub(super) const REPORTS: Reports = Reports {
    out_of_memory: out_of_memory::report,
    deadlock: deadlock::report,
    bad_free: corruption::report_bad_free,
    page_damage: pages_damage::report,
    bad_page_free: corruption::report_bad_page_free,
    corruption: corruption::report,
};
