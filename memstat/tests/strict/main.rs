//! The tracker over memory that is really taken away.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod churn;
mod suspended;
mod window;

type Heap = memstat::Tracked<window::PageBackend, window::WindowPlatform>;
