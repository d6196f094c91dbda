//! Many threads at once: at each quiet point the figures are those of plain maps, whatever was switched or read
//! meanwhile.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "common/backend.rs"]
mod backend;
#[path = "common/crowd.rs"]
mod crowd;
#[path = "common/records.rs"]
mod records;
#[path = "common/shared.rs"]
mod shared;
#[path = "common/shared_backend.rs"]
mod shared_backend;
#[path = "common/threads_model.rs"]
mod threads_model;

use std::alloc::Layout;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use backend::HostBackend;
use crowd::{Crowd, Random, duration};
use memstat::{Backend, BadFreeKind, Consistency, Event, EventKind, GuardLevel, Level, Record};
use records::read_all;
use shared_backend::{is_live, system};
use threads_model::{Heap, Model, THREADS, assert_agrees, heap, run_model, work};

#[test]
fn figures_are_those_of_the_models_at_every_level() {
    for threads in THREADS {
        for level in Level::ALL {
            run_model(&*heap::<_, 64>(system(), level), threads, 2, 2000, |_| {});
            run_model(&*heap::<_, 2>(system(), level), threads, 2, 2000, |_| {});
            run_model(&*heap::<_, 64>(HostBackend::default(), level), threads, 1, 1000, |_| {});
        }
    }
}

/// Reads all there is, as people do.
fn read<B: Backend, const LANES: usize>(heap: &Heap<B, LANES>, random: &mut Random) {
    let counters = heap.counters();
    assert_eq!(
        counters.live_blocks as i64,
        counters.allocations as i64 - counters.frees as i64 + counters.uncounted_blocks
    );
    match random.below(6) {
        0 => {
            let records = read_all(heap, 20);
            let mut addresses: Vec<_> = records.iter().map(|r| (r.address(), r.sequence())).collect();
            addresses.sort_unstable();
            addresses.dedup();
            assert_eq!(addresses.len(), records.len(), "no block appears twice");
        }
        1 => assert!(!matches!(heap.check_consistency(), Consistency::Broken(_))),
        2 => {
            let written = heap.history().written();
            let mut events = [Event::EMPTY; 64];
            let part = heap.history().read(written.saturating_sub(64), &mut events);
            assert!(part.next >= written);
        }
        3 => {
            heap.try_snapshot::<8>();
        }
        4 => heap.reclaim(),
        _ => {
            heap.stacks().top::<4>(memstat::report::Rank::LiveBytes);
        }
    }
}

#[test]
fn levels_and_guards_are_switched_and_all_is_read_while_others_work() {
    let end = duration("HAMMER_SECONDS", 2);
    let mut rounds = 0;
    while rounds == 0 || !end.is_over() {
        rounds += 1;
        let heap = heap::<_, 64>(system(), Level::Full);
        let meanwhile = |random: &mut Random| match random.below(4) {
            0 => heap.set_level(Level::ALL[random.below(5)]),
            1 => heap.guards().set_level(GuardLevel::ALL[random.below(4)]),
            _ => read(&heap, random),
        };
        run_model(&heap, THREADS[rounds % 4], 3, 1500, meanwhile);
        let heap = self::heap::<_, 4>(HostBackend::default(), Level::Full);
        run_model(&heap, THREADS[rounds % 4], 2, 500, |random| match random.below(3) {
            0 => heap.set_level(Level::ALL[random.below(5)]),
            _ => read(&heap, random),
        });
    }
}

#[test]
fn of_two_frees_that_race_one_is_good_and_the_other_is_reported() {
    const RACES: usize = 2000;
    for level in [Level::Blocks, Level::Stacks, Level::Full] {
        let heap = heap::<_, 64>(system(), level);
        let slots: Vec<_> = (0..2).map(|_| Mutex::new(0_usize)).collect();
        let barrier = Barrier::new(2);
        let outcomes: Vec<Vec<bool>> = thread::scope(|scope| {
            let (heap, slots, barrier) = (&heap, &slots, &barrier);
            let spawned: Vec<_> = (0..2)
                .map(|number| {
                    scope.spawn(move || {
                        Crowd::<64>::start(number);
                        let mut outcomes = Vec::new();
                        for race in 0..RACES {
                            if number == race % 2 {
                                let block = heap.allocate(Layout::new::<[u64; 8]>()).unwrap();
                                *slots[0].lock().unwrap() = block.as_ptr() as usize;
                            }
                            barrier.wait();
                            let block = NonNull::new(*slots[0].lock().unwrap() as *mut u8).unwrap();
                            // SAFETY: nobody uses it. It may be freed already: that is what is tested.
                            let freed = unsafe { heap.free(block) };
                            if let Err(bad) = &freed {
                                assert!(matches!(
                                    bad.kind,
                                    BadFreeKind::DoubleFree | BadFreeKind::NeverAllocated
                                ));
                            }
                            outcomes.push(freed.is_ok());
                            barrier.wait();
                        }
                        outcomes
                    })
                })
                .collect();
            spawned.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(outcomes[0].iter().zip(&outcomes[1]).all(|(first, second)| first != second));
        let counters = heap.counters();
        assert_eq!((counters.bad_frees, counters.frees), (RACES as u64, RACES as u64));
        assert_eq!((counters.live_blocks, heap.check_consistency()), (0, Consistency::Holds));
    }
}

/// A thread alone, then more of them: what the first one has allocated before lanes came is known to all.
#[test]
fn what_one_thread_has_is_everybodys_when_lanes_come() {
    for (level, guard) in Level::ALL
        .map(|level| (level, GuardLevel::Off))
        .into_iter()
        .chain([(Level::Blocks, GuardLevel::RedZone), (Level::Full, GuardLevel::Full)])
    {
        let heap = heap::<_, 64>(system(), level);
        heap.guards().set_level(guard);
        let pool = Mutex::new(Model::new());
        let mut models: Vec<Model> = vec![Model::new(); 4];
        let mut random = Random::new(7);
        work(&heap, &mut random, &mut models[0], &pool, 4000);
        let before: Model =
            models[0].iter().chain(pool.lock().unwrap().iter()).map(|(a, l)| (*a, *l)).collect();
        assert!(before.len() > 100);
        assert_agrees(&heap, &before);
        let (mark, peak) = (heap.leaks().sequence(), heap.counters().peak_live_bytes);
        let numbers: HashMap<_, _> =
            read_all(&heap, 64).iter().map(|record| (record.address(), record.sequence())).collect();
        // All that it has is others' from now on.
        pool.lock().unwrap().append(&mut models[0]);
        thread::scope(|scope| {
            for (number, model) in models.iter_mut().enumerate() {
                let (heap, pool) = (&heap, &pool);
                scope.spawn(move || {
                    Crowd::<64>::start(number);
                    work(heap, &mut Random::new(number as u64), model, pool, 4000);
                });
            }
        });
        let mut all = pool.into_inner().unwrap();
        all.extend(models.into_iter().flatten());
        assert_agrees(&heap, &all);
        assert!(heap.counters().peak_live_bytes >= peak);
        for record in read_all(&heap, 64) {
            let known = numbers.get(&record.address()) == Some(&record.sequence());
            assert!(known != record.is_newer_than(mark, heap.leaks().sequence()), "{level}");
        }
        for (address, layout) in all {
            // SAFETY: live, and nobody uses it.
            unsafe { heap.free_with_layout(NonNull::new(address as *mut u8).unwrap(), layout) }.unwrap();
        }
        assert_agrees(&heap, &Model::new());
    }
}

#[test]
fn of_two_frees_of_an_old_block_that_race_while_lanes_come_one_is_good() {
    for round in 0..300 {
        let heap = heap::<_, 64>(system(), Level::ALL[2 + round % 3]);
        let blocks: Vec<_> =
            (0..8).map(|_| heap.allocate(Layout::new::<[u64; 8]>()).unwrap().as_ptr() as usize).collect();
        let barrier = Barrier::new(3);
        let good: usize = thread::scope(|scope| {
            let (heap, blocks, barrier) = (&heap, &blocks, &barrier);
            let free = move |number: usize| {
                Crowd::<64>::start(number);
                barrier.wait();
                let blocks = blocks.iter().map(|block| NonNull::new(*block as *mut u8).unwrap());
                // SAFETY: nobody uses them. They may be freed already: that is what is tested.
                blocks.filter(|block| unsafe { heap.free(*block) }.is_ok()).count()
            };
            let spawned = [0, 1, 2].map(|number| scope.spawn(move || free(number)));
            spawned.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let counters = heap.counters();
        assert_eq!((good, counters.frees, counters.bad_frees), (8, 8, 16));
        assert_eq!((counters.live_blocks, heap.check_consistency()), (0, Consistency::Holds));
    }
}

#[test]
fn the_history_goes_on_when_lanes_come() {
    let heap = heap::<_, 64>(system(), Level::Full);
    let pool = Mutex::new(Model::new());
    let mut alone = Model::new();
    work(&heap, &mut Random::new(1), &mut alone, &pool, 2000);
    let written = heap.history().written();
    pool.lock().unwrap().append(&mut alone);
    thread::scope(|scope| {
        for number in 0..3 {
            let (heap, pool) = (&heap, &pool);
            scope.spawn(move || {
                Crowd::<64>::start(number);
                let mut model = Model::new();
                work(heap, &mut Random::new(number as u64), &mut model, pool, 2000);
                pool.lock().unwrap().append(&mut model);
            });
        }
    });
    let mut events = vec![Event::EMPTY; 65_536];
    let part = heap.history().read(0, &mut events);
    assert_eq!((part.lost, part.next), (0, part.count as u64));
    assert!(written > 1000 && part.next > written + 1000);
    let mut live = std::collections::BTreeMap::new();
    for event in &events[..part.count] {
        let record = event.record();
        match event.kind() {
            EventKind::Allocate => {
                assert_eq!(live.insert(record.address(), record.size_bytes()), None);
            }
            EventKind::Free => assert_eq!(live.remove(&record.address()), Some(record.size_bytes())),
            EventKind::Reallocate => *live.get_mut(&record.address()).unwrap() = record.size_bytes(),
            _ => {}
        }
    }
    let all = pool.into_inner().unwrap();
    assert!(live.into_iter().eq(all.into_iter().map(|(address, layout)| (address, layout.size()))));
}

#[test]
fn every_number_after_a_mark_is_greater_and_none_comes_twice() {
    for level in [Level::Blocks, Level::Full] {
        let heap = heap::<_, 64>(system(), level);
        let mut marks = vec![0];
        let mut seen = HashMap::new();
        for phase in 0..6_usize {
            thread::scope(|scope| {
                for number in 0..4 {
                    let heap = &heap;
                    scope.spawn(move || {
                        Crowd::<64>::start(number);
                        let mut last = 0;
                        for _ in 0..700 {
                            let block = heap.allocate(Layout::new::<[u64; 4]>()).unwrap();
                            let record = heap.blocks().get(block.as_ptr() as usize).unwrap();
                            assert!(record.sequence() > last, "a thread's numbers rise");
                            last = record.sequence();
                        }
                    });
                }
            });
            let mark = heap.leaks().sequence();
            for record in read_all(&heap, 64) {
                let is_new = seen.insert(record.address(), record.sequence()).is_none();
                let before = *marks.last().unwrap();
                assert_eq!(is_new, record.is_newer_than(before, mark), "phase {phase}");
                assert!(record.sequence() <= mark);
            }
            marks.push(mark);
        }
        let mut numbers: Vec<_> = seen.values().collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 6 * 4 * 700);
    }
}

#[test]
fn the_history_has_each_event_once_and_in_order() {
    THREADS.into_iter().for_each(the_history_of_threads_is_in_order);
}

fn the_history_of_threads_is_in_order(threads: usize) {
    let heap = heap::<_, 64>(system(), Level::Full);
    run_model(&heap, threads, 1, 3000, |_| {});
    let counters = heap.counters();
    let mut events = vec![Event::EMPTY; 65_536];
    let part = heap.history().read(0, &mut events);
    assert_eq!((part.lost, part.next), (0, part.count as u64));
    events.truncate(part.count);
    assert!(events.is_sorted_by_key(|event| event.record().sequence()));
    let count = |kind| events.iter().filter(|event| event.kind() == kind).count() as u64;
    assert_eq!(count(EventKind::Allocate), counters.allocations);
    assert_eq!(count(EventKind::Free), counters.frees);
    let mut live = HashMap::new();
    for event in &events {
        let (address, size_bytes) = (event.record().address(), event.record().size_bytes());
        match event.kind() {
            EventKind::Allocate => assert_eq!(live.insert(address, size_bytes), None, "no block comes twice"),
            EventKind::Free => assert_eq!(live.remove(&address), Some(size_bytes), "what goes has come"),
            EventKind::Reallocate => *live.get_mut(&address).unwrap() = size_bytes,
            _ => {}
        }
    }
    assert!(live.is_empty());
}

#[test]
fn blocks_that_stay_are_read_exactly_once_while_others_come_and_go() {
    let heap = heap::<_, 64>(system(), Level::Blocks);
    let stay: Vec<_> = (0..3000).map(|_| heap.allocate(Layout::new::<[u64; 9]>()).unwrap()).collect();
    let stay: std::collections::BTreeSet<_> = stay.iter().map(|block| block.as_ptr() as usize).collect();
    let is_done = AtomicBool::new(false);
    let pool = Mutex::new(Model::new());
    let mut models = [Model::new(), Model::new(), Model::new()];
    thread::scope(|scope| {
        for (number, model) in models.iter_mut().enumerate() {
            let (heap, is_done, pool) = (&heap, &is_done, &pool);
            scope.spawn(move || {
                Crowd::<64>::start(number + 1);
                let mut random = Random::new(number as u64);
                while !is_done.load(Ordering::Relaxed) {
                    work(heap, &mut random, model, pool, 100);
                    while model.len() > 2000 {
                        let (address, layout) = model.pop_first().unwrap();
                        let block = NonNull::new(address as *mut u8).unwrap();
                        // SAFETY: live, and nobody uses it.
                        unsafe { heap.free_with_layout(block, layout) }.unwrap();
                    }
                }
            });
        }
        for _ in 0..20 {
            let mut found: Vec<_> = read_all(&heap, 33).iter().map(Record::address).collect();
            found.retain(|address| stay.contains(address));
            let count = found.len();
            found.sort_unstable();
            found.dedup();
            assert_eq!((count, found.len()), (stay.len(), stay.len()));
        }
        is_done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn peaks_are_exact_with_one_thread_and_within_the_bound_with_more() {
    const SIZE: usize = 100;
    let layout = Layout::from_size_align(SIZE, 4).unwrap();
    let heap = heap::<_, 64>(system(), Level::Stacks);
    for count in [1000, 5000, 100] {
        let blocks: Vec<_> = (0..count).map(|_| heap.allocate(layout).unwrap()).collect();
        for block in blocks {
            // SAFETY: live, and nobody uses it.
            unsafe { heap.free(block) }.unwrap();
        }
    }
    assert_eq!(heap.counters().peak_live_blocks, 5000);
    assert_eq!(heap.counters().peak_live_bytes, 5000 * SIZE as u64);
    heap.statistics().reset_peaks();
    // All threads hold all their blocks at once, then free those of others.
    let (threads, count) = (4, 5000);
    let barrier = Barrier::new(threads);
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..threads {
            let (heap, barrier, all) = (&heap, &barrier, &all);
            scope.spawn(move || {
                Crowd::<64>::start(number);
                let mine: Vec<_> =
                    (0..count).map(|_| heap.allocate(layout).unwrap().as_ptr() as usize).collect();
                all.lock().unwrap().extend(mine);
                barrier.wait();
                for _ in 0..count {
                    let address = all.lock().unwrap().pop().unwrap();
                    assert!(is_live(address));
                    // SAFETY: live, and nobody uses it.
                    unsafe { heap.free(NonNull::new(address as *mut u8).unwrap()) }.unwrap();
                }
            });
        }
    });
    let counters = heap.counters();
    let (most, slack) = ((threads * count) as u64, (threads as u64 - 1) * 256);
    assert!((most - slack..=most).contains(&counters.peak_live_blocks), "{counters:?}");
    let (most, slack) = (most * SIZE as u64, (threads as u64 - 1) * (64 << 10));
    assert!((most - slack..=most).contains(&counters.peak_live_bytes), "{counters:?}");
    assert_eq!(counters.live_blocks, 0);
}
