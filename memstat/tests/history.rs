//! The history of many threads, each with a ring of its own: read while they write, in order, and exact about what was
//! lost.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "common/crowd.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod crowd;
#[path = "common/shared.rs"]
mod shared;
#[path = "common/shared_backend.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod shared_backend;

use std::alloc::Layout;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crowd::Crowd;
use memstat::{Event, EventKind, Level, Tracked};
use shared::Shared;
use shared_backend::{SystemBackend, system};

const LAYOUT: Layout = Layout::new::<[u64; 8]>();
/// Events that are kept: less than a page of them is left over.
const CAPACITY: usize = 300;
const ROUNDS: usize = 1000;

type Heap = Tracked<Shared<SystemBackend>, Crowd<64>>;

fn heap(capacity: usize) -> Box<Heap> {
    let heap = Box::new(Tracked::new(Crowd));
    heap.start(system());
    heap.history().set_capacity(capacity);
    heap.set_level(Level::Full);
    heap
}

/// Allocates, and frees what another thread may have allocated.
fn hand_over(heap: &Heap, number: usize, pool: &Mutex<Vec<usize>>) {
    Crowd::<64>::start(number);
    for _ in 0..ROUNDS {
        let block = heap.allocate(LAYOUT).unwrap();
        let mut pool = pool.lock().unwrap();
        pool.push(block.as_ptr() as usize);
        let oldest = pool.remove(0);
        drop(pool);
        // SAFETY: live, and in nobody else's hands.
        unsafe { heap.free_with_layout(NonNull::new(oldest as *mut u8).unwrap(), LAYOUT) }.unwrap();
    }
}

/// Events from `cursor` on: the next cursor, and how many were lost.
fn read_on(heap: &Heap, cursor: u64, found: &mut Vec<Event>) -> (u64, u64) {
    let mut buffer = [Event::EMPTY; 50];
    let part = heap.history().read(cursor, &mut buffer);
    found.extend_from_slice(&buffer[..part.count]);
    (part.next, part.lost)
}

#[test]
fn what_is_read_meanwhile_is_in_order_and_the_rest_is_told_as_lost() {
    for threads in [1, 2, 4, 8] {
        let heap = heap(CAPACITY);
        let (pool, working) = (Mutex::new(Vec::new()), AtomicUsize::new(threads));
        let (mut found, mut cursor, mut lost) = (Vec::new(), 0, 0);
        thread::scope(|scope| {
            for number in 0..threads {
                let (heap, pool, working) = (&heap, &pool, &working);
                scope.spawn(move || {
                    hand_over(heap, number, pool);
                    working.fetch_sub(1, Ordering::Release);
                });
            }
            Crowd::<64>::start(threads);
            while working.load(Ordering::Acquire) > 0 {
                let (next, missed) = read_on(&heap, cursor, &mut found);
                (cursor, lost) = (next, lost + missed);
                thread::yield_now();
            }
        });
        let written = heap.history().written();
        assert_eq!(written, (2 * threads * ROUNDS) as u64);
        while cursor < written {
            let (next, missed) = read_on(&heap, cursor, &mut found);
            (cursor, lost) = (next, lost + missed);
        }
        assert_eq!(found.len() as u64 + lost, written, "{threads} threads");
        let is_rising =
            found.windows(2).all(|pair| pair[0].record().sequence() < pair[1].record().sequence());
        assert!(is_rising, "{threads} threads: each event once, in order");
        // Whoever wrote them, the last events are there.
        let mut newest = vec![Event::EMPTY; 2 * CAPACITY];
        let part = heap.history().read(0, &mut newest);
        assert_eq!((part.count, part.lost, part.next), (CAPACITY, written - CAPACITY as u64, written));
    }
}

#[test]
fn an_address_comes_and_goes_in_turns_whichever_threads_have_it() {
    for threads in [1, 2, 4, 8] {
        let heap = heap(2 * threads * ROUNDS);
        let pool = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..threads {
                let (heap, pool) = (&heap, &pool);
                scope.spawn(move || hand_over(heap, number, pool));
            }
        });
        let mut events = vec![Event::EMPTY; 2 * threads * ROUNDS];
        let part = heap.history().read(0, &mut events);
        assert_eq!((part.count, part.lost), (events.len(), 0));
        let mut is_live = HashMap::new();
        for event in &events {
            let was_live = is_live.insert(event.record().address(), event.kind() == EventKind::Allocate);
            assert_eq!(was_live.unwrap_or(false), event.kind() == EventKind::Free);
        }
    }
}
