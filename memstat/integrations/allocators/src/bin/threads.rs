//! memstat's example `threads` over mimalloc and jemalloc.
//!
//!     cargo run --release --bin threads [TURNS]

#[path = "../../../../examples/threads/cpus.rs"]
mod cpus;
#[path = "../../../../examples/threads/measure.rs"]
mod measure;

use memstat::Host;
use mimalloc::MiMalloc;
use tikv_jemallocator::Jemalloc;

static OVER_MIMALLOC: Host<MiMalloc> = Host::over(MiMalloc);
static OVER_JEMALLOC: Host<Jemalloc> = Host::over(Jemalloc);

fn main() {
    println!("mimalloc");
    measure::measure(&MiMalloc, &OVER_MIMALLOC);
    println!("jemalloc");
    measure::measure(&Jemalloc, &OVER_JEMALLOC);
}
