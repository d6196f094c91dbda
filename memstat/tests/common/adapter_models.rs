//! An allocator behind `Over`, under the threads' model: with a lane for each thread, with lanes that they share, and with
//! one lock for all.

use std::alloc::GlobalAlloc;

use memstat::{Level, Over};

use crate::crowd::duration;
use crate::threads_model::{THREADS, heap, run_model};

/// Runs the model with 1, 2, 4 and 8 threads, while the level is switched, over allocators that `make` makes.
pub(crate) fn follow_models<A: GlobalAlloc + Send + Sync>(make: impl Fn() -> A) {
    let end = duration("ADAPTER_SECONDS", 0);
    loop {
        for threads in THREADS {
            let lanes = heap::<_, 64>(Over(make()), Level::Full);
            run_model(&lanes, threads, 2, 400, |random| lanes.set_level(Level::ALL[random.below(5)]));
            let shared = heap::<_, 2>(Over(make()), Level::Stacks);
            run_model(&shared, threads, 1, 300, |_| {});
            let one = heap::<_, 1>(Over(make()), Level::Full);
            run_model(&one, threads, 1, 300, |random| one.set_level(Level::ALL[random.below(5)]));
        }
        if end.is_over() {
            break;
        }
    }
}
