//! The allocator of foreign crates' tests.

#[global_allocator]
static HEAP: memstat::Host = memstat::Host::new();
