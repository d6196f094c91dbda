//! How an ordinary program's threads get on with each other below the tracker, over the system's allocator. memstat's
//! `integrations/allocators` has the same over mimalloc and jemalloc.
//!
//!     cargo run --release --example threads [TURNS]

mod cpus;
mod measure;

use std::alloc::System;

use memstat::Host;

#[global_allocator]
static HEAP: Host = Host::new();

fn main() {
    measure::measure(&System, &HEAP);
}
