//! What is reported of the heap when something is wrong with it: no memory, a bad free or damage, a lock
//! that its own CPU holds, an access past a sampled block.
//!
//! The heap below does not know of these: they are called through `platform`'s hooks. Code is named by who is above.

mod call_stack;
mod corruption;
mod deadlock;
pub(crate) mod invalid_access;
mod out_of_memory;
mod rate_limit;
mod taken;

pub(crate) use call_stack::{Names, name_by, show_all_frames, shown_frames, shows_all_frames};
pub(crate) use taken::taken_bytes_of;

use super::platform::Reports;

/// All reports that the tracker asks for.
pub(super) const REPORTS: Reports = Reports {
    out_of_memory: out_of_memory::report,
    deadlock: deadlock::report,
    bad_free: corruption::report_bad_free,
    corruption: corruption::report,
};
