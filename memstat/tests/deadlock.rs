//! Operations while the tracker's lock is held: by the same thread, and by others.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::{HostBackend, HostPlatform};
use memstat::{Consistency, Level, LockRefusals, LockRefused, Tracked};

const LAYOUT: Layout = Layout::new::<[u64; 5]>();

fn tracked(level: Level) -> Tracked<HostBackend, HostPlatform> {
    let tracked = Tracked::new(HostPlatform::default());
    tracked.start(HostBackend::default());
    tracked.set_level(level);
    tracked.platform().is_alone.store(true, Ordering::Relaxed);
    tracked
}

#[test]
fn operations_of_the_lock_holder_are_refused_at_every_level_and_change_nothing() {
    for level in [Level::Off, Level::Counters, Level::Blocks, Level::Stacks, Level::Full] {
        let tracked = tracked(level);
        let block = tracked.allocate(LAYOUT).unwrap();
        let before = tracked.counters();
        tracked.with_backend(|_| {
            assert_eq!(tracked.allocate(LAYOUT), None);
            // SAFETY: the block is live, and not used.
            unsafe {
                tracked.free(block).unwrap();
                tracked.free_with_layout(block, LAYOUT).unwrap();
                tracked.free_or(std::ptr::null_mut(), |bad, _| panic!("{bad}"));
                assert_eq!(tracked.reallocate(block, 100), Ok(None));
            }
        });
        assert_eq!(
            tracked.statistics().lock_refusals(),
            LockRefusals { allocations: 1, frees: 2, reallocations: 1 }
        );
        let address = block.as_ptr() as usize;
        let reported = [
            LockRefused::Allocate(LAYOUT),
            LockRefused::Free { address },
            LockRefused::Free { address },
            LockRefused::Reallocate { address, new_size_bytes: 100 },
        ];
        assert_eq!(*tracked.platform().refused.lock().unwrap(), reported);
        assert_eq!(tracked.counters(), before);
        // The block is what it was: it can still be freed.
        // SAFETY: it is live, and not used.
        unsafe { tracked.free_with_layout(block, LAYOUT) }.unwrap();
        assert_eq!(tracked.check_consistency(), Consistency::Holds);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_query_by_the_lock_holder_panics_instead_of_waiting_for_ever() {
    let tracked = tracked(Level::Blocks);
    tracked.with_backend(|_| tracked.counters());
}

#[test]
fn others_wait_however_long_it_takes_and_none_is_refused() {
    let tracked = tracked(Level::Full);
    tracked.platform().is_alone.store(false, Ordering::Relaxed);
    let first = tracked.allocate(LAYOUT).unwrap().as_ptr() as usize;
    let is_waiting = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut other = None;
        tracked.with_backend(|_| {
            other = Some(scope.spawn(|| {
                is_waiting.store(true, Ordering::Release);
                let block = tracked.allocate(LAYOUT).expect("it waits");
                // SAFETY: live, and used by nobody.
                unsafe {
                    tracked.free(block).unwrap();
                    tracked.free(NonNull::new(first as *mut u8).unwrap()).unwrap();
                }
            }));
            while !is_waiting.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            thread::sleep(Duration::from_millis(100));
        });
        other.unwrap().join().unwrap();
    });
    assert_eq!(tracked.statistics().lock_refusals(), LockRefusals::default());
    let counters = tracked.counters();
    assert_eq!((counters.allocations, counters.frees, counters.live_blocks), (2, 2, 0));
    assert_eq!(tracked.check_consistency(), Consistency::Holds);
}
