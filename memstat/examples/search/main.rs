//! A program with threads that allocates as much as such a program does, with memstat; `search-plain` is the same without.
//! How long each takes shows what the accounting costs in time:
//!
//!     cargo build --release --examples
//!     time target/release/examples/search-plain alloc ~/.cargo/registry/src
//!     time MEMSTAT=stacks target/release/examples/search alloc ~/.cargo/registry/src

mod search;

#[global_allocator]
static HEAP: memstat::Host = memstat::Host::new();

fn main() {
    search::run();
}
