//! mimalloc and jemalloc under the model that memstat's own tests have for threads: with 1, 2, 4 and 8 of them, with a lane
//! for each, with lanes that they share, and with one lock for all.

#[path = "../../../../tests/common/crowd.rs"]
mod crowd;
#[path = "../../../../tests/common/records.rs"]
mod records;
#[path = "../../../../tests/common/threads_model.rs"]
mod threads_model;

use std::alloc::GlobalAlloc;

use crowd::duration;
use memstat::{Level, Over};
use threads_model::{THREADS, heap, run_model};

fn follow_models<A: GlobalAlloc + Copy + Send + Sync>(allocator: A) {
    let end = duration("ADAPTER_SECONDS", 5);
    while !end.is_over() {
        for threads in THREADS {
            let lanes = heap::<_, 64>(Over(allocator), Level::Full);
            run_model(&lanes, threads, 2, 2000, |random| lanes.set_level(Level::ALL[random.below(5)]));
            let shared = heap::<_, 2>(Over(allocator), Level::Stacks);
            run_model(&shared, threads, 1, 2000, |_| {});
            let one = heap::<_, 1>(Over(allocator), Level::Full);
            run_model(&one, threads, 1, 2000, |random| one.set_level(Level::ALL[random.below(5)]));
        }
    }
}

fn main() {
    follow_models(mimalloc::MiMalloc);
    follow_models(tikv_jemallocator::Jemalloc);
}
