//! Accounting for every live block of any allocator.
//!
//! [`Tracked`] wraps an allocator (a [`Backend`]) and knows, at every moment, each block that is live:
//! where it is, how large, how aligned, and when, on which CPU, by which task and from which call stack it was
//! allocated. What it knows lies in an [`Arena`] of its own, apart from the heap that it watches: the first bytes
//! are handed over at the start, so that the very first allocation is recorded, and after that it grows by whole
//! frames from a [`Platform`].
//!
//! The way of one allocation: `Tracked` takes its one lock, asks the backend for the block, counts it
//! ([`Counters`]), compares the call stack with the one that was last seen at this place (`stacks`), enters the block
//! in the live map (`live`: a dense array of [`Record`]s and an index of small hashbrown tables over it, which grows and
//! shrinks in small steps, so no operation does work that grows with the number of live blocks), and writes an
//! [`Event`] (`history`). The [`Level`] says how far it goes. `guard` puts patterns around blocks
//! and looks at them, as the [`GuardLevel`] says, and puts a sample of them between pages that cannot be touched. `reach`
//! finds blocks that nothing points to. `tracked` has the paths of the operations, `report` turns figures into text.
//!
//! The crate needs no operating system and knows no hardware. Its README has an example.
#![cfg_attr(not(test), no_std)]

pub mod arena;
pub mod backend;
pub mod bad_free;
pub mod corruption;
pub mod counters;
pub mod faults;
pub mod guard;
pub mod history;
pub mod invalid_access;
pub mod level;
pub mod moment;
pub mod platform;
pub mod reach;
pub mod record;
pub mod refused;
pub mod report;
pub mod stacks;
pub mod tracked;

mod index;
mod live;
mod lock;
mod paged;
mod recent_frees;

pub use arena::Arena;
pub use backend::{Backend, Live, Location};
pub use bad_free::{BadFree, BadFreeKind};
pub use corruption::{Corruption, CorruptionKind};
pub use counters::{Counters, CpuCounters};
pub use faults::{Faults, FaultsError, Rule, Sites, TooManySites};
pub use guard::{GuardLevel, GuardStatistics};
pub use history::{Event, EventKind, HistoryPart};
pub use invalid_access::{Access, InvalidAccess, Unexplained};
pub use level::Level;
pub use moment::{Change, Held, Moment, StackChange, TopChanges, Watched};
pub use platform::Platform;
pub use reach::{NoScan, Reach, Scanned};
pub use record::Record;
pub use refused::{Refused, RefusedCounts};
pub use stacks::Stack;
pub use tracked::{Checked, Consistency, Glance, Tracked};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
