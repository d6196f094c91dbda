//! The tracker over memory that is really unmapped or protected: an access to it ends the test.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod churn;
mod suspended;
mod window;

type Heap = memstat::Tracked<window::PageBackend, window::WindowPlatform>;
