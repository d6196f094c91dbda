//! Accounting for every live block of any allocator.
//!
//! [`Tracked`] wraps an allocator (a [`Backend`]) and keeps a record of each live block: its address, size and alignment,
//! and when, on which CPU, by which task and from which call stack it was allocated. The records are in an arena of their
//! own, apart from the tracked heap: its first pages can be handed over at the start, so that the very first allocation
//! is recorded; more come from a [`Platform`].
//!
//! Where to start:
//! - [`Tracked`] allocates, frees and reallocates; its views have queries and settings, by topic: [`BlocksView`],
//!   [`StacksView`], [`HistoryView`], [`LeaksView`], [`ReferencesView`], [`GuardsView`],
//!   [`StatisticsView`].
//! - [`Level`] says how much is recorded, [`GuardLevel`] how much is guarded.
//! - [`Backend`] and [`Platform`] are implemented by the host. The implementations of [`GuardPages`] and [`Hooks`] may be
//!   empty.
//! - [`report`] turns figures into text.
//!
//! How it works: `Tracked` takes its one lock, asks the backend for the block, counts it ([`Counters`]), looks up the
//! number of its call stack (`stacks`), inserts a [`Record`] into the live map (`live`: an array of records with an index
//! of small tables, which grows and shrinks in small steps, so the work of an operation does not depend on the number of
//! live blocks), and writes an [`Event`] (`history`); the [`Level`] decides which of these. `guard` has red zones, poison,
//! the quarantine and sampled blocks. `reach` finds blocks that nothing points to.
//!
//! Where several CPUs or threads work at once, [`Platform::LANES`] gives each a lane: counters and more of its own, and a
//! live map in shards, so that none waits for the others at the levels up to `stacks`.
//!
//! The crate needs no operating system and knows no hardware. Its README has an example.
#![cfg_attr(not(test), no_std)]

#[cfg(all(feature = "std", not(test)))]
extern crate std;

pub mod report;

mod adapters;
#[cfg(any(feature = "std", feature = "critical-section"))]
mod arch;
mod arena;
mod backend;
mod bad_free;
mod corruption;
mod counters;
mod fault_injection;
mod graph;
mod growth;
mod guard;
mod guard_level;
mod history;
#[cfg(feature = "std")]
mod host;
mod index;
mod invalid_access;
mod level;
mod life;
mod live;
mod lock;
mod paged_vec;
mod platform;
mod ranking;
mod reach;
mod recent_frees;
mod record;
mod refused;
mod snapshot;
mod stacks;
mod tracked;

#[cfg(feature = "critical-section")]
pub use adapters::Bare;
pub use adapters::{Over, Pages};
pub use arena::ArenaStatistics;
pub use backend::{Backend, Live, Location, SharedBackend};
pub use bad_free::{BadFree, BadFreeKind};
pub use corruption::{Corruption, CorruptionKind};
pub use counters::{Counters, CpuCounters, Histogram, MAX_CPUS, SIZE_CLASSES, Since};
pub use fault_injection::{FaultRule, Faults, MAX_SITES, Sites, TooManySites};
pub use graph::{Chain, DominatorError, Edge, Link, Node, Retained, RetainedSummary, Stopped};
pub use guard::GuardStatistics;
pub use guard::pool::MAX_SAMPLE_SLOTS;
pub use guard_level::GuardLevel;
pub use history::{Event, EventKind, HistoryPart, MAX_HISTORY_EVENTS};
#[cfg(feature = "std")]
pub use host::{Host, HostPlatform};
pub use invalid_access::{Access, InvalidAccess, Unexplained};
pub use level::{Level, LevelTooLow};
pub use life::{BlockLife, BlockState};
pub use lock::gate::MAX_LANES;
pub use platform::{
    FirstUse, GuardPages, Hooks, NameFunctions, PAGE_SIZE_BYTES, Platform, STAMP_STEP, StackSpan,
};
pub use reach::{Reach, ScanError, ScanSummary};
pub use record::Record;
pub use refused::{LockRefusals, LockRefused};
pub use snapshot::{Change, ChangeSum, Snapshot, StackChange, StacksMark, TopChanges, WatchedStack};
pub use stacks::{MAX_FRAMES, MAX_FREE_FRAMES, Stack, StackUsage};
pub use tracked::{
    BlocksView, Busy, Consistency, CrashSnapshot, GuardCheck, GuardsView, HistoryView, LeaksView, Reference,
    ReferencesView, StacksView, StatisticsView, Tracked,
};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
