//! `Host` as this program's own allocator: threads that come and go, forks, and reports while threads allocate.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::cell::RefCell;
use std::ffi::c_void;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use memstat::{Consistency, GuardLevel, Host, Level, MAX_LANES, report};

#[global_allocator]
static HEAP: Host = Host::new();

/// The block of a program that makes mistakes.
const LAYOUT: Layout = Layout::new::<[u8; 72]>();

/// The tests change the level of the one heap.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many threads allocate while there are forks.
const CHURNING_THREADS: u64 = 4;

/// Whether the books balance, once nobody is at work: a thread that has been joined may still free what belongs to itself,
/// and the threads of other tests begin and end.
fn consistency_at_rest() -> Consistency {
    let start = Instant::now();
    loop {
        let consistency = HEAP.check_consistency();
        if consistency != Consistency::Busy || start.elapsed() > Duration::from_mins(1) {
            return consistency;
        }
        thread::yield_now();
    }
}

/// Allocates, resizes and frees until it is told to stop; `begun` counts the threads that do.
fn churn(seed: usize, begun: &AtomicU64, is_over: &AtomicBool) -> u64 {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut turns = 0;
    begun.fetch_add(1, Ordering::Relaxed);
    while turns == 0 || !is_over.load(Ordering::Relaxed) {
        let size_bytes = 1 + (seed * 7919 + turns as usize * 31) % 600;
        kept.push(black_box(vec![seed as u8; size_bytes]));
        if kept.len() > 100 {
            let first = kept.swap_remove(turns as usize % 100);
            assert!(first.iter().all(|byte| *byte == seed as u8), "contents stay");
        }
        turns += 1;
    }
    turns
}

/// What a child does with the heap that it has from its parent; 0 if all is well there, else the number of the mistake.
fn use_heap_of_child() -> i32 {
    let before = HEAP.counters();
    let kept: Vec<Vec<u8>> = (0..300).map(|size_bytes| black_box(vec![1; size_bytes])).collect();
    if HEAP.level() > Level::Off && HEAP.counters().allocations < before.allocations + 300 {
        return 1;
    }
    let lanes: Vec<_> = (0..3).map(|_| thread::spawn(|| drop(black_box(vec![1_u8; 100])))).collect();
    if lanes.into_iter().any(|lane| lane.join().is_err()) {
        return 2;
    }
    drop(kept);
    let mut text = String::new();
    if report::write_totals(&HEAP, "child", &mut text).is_err()
        || report::write_top_stacks(&HEAP, &mut text).is_err()
        || !text.contains("live: ")
    {
        return 3;
    }
    if consistency_at_rest() != Consistency::Holds {
        return 4;
    }
    if HEAP.counters().bad_frees == before.bad_frees { 0 } else { 5 }
}

/// Forks, and returns how the child ended.
fn fork_and_wait() -> i32 {
    // SAFETY: the child uses what the C library and the allocator make usable after a fork, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no process");
    if child == 0 {
        // SAFETY: a child that hangs is ended by the signal.
        unsafe {
            libc::alarm(200);
            libc::_exit(use_heap_of_child());
        }
    }
    let mut status = 0;
    // SAFETY: the child is ours.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

#[test]
fn a_fork_while_threads_allocate_leaves_a_whole_heap_in_both_processes() {
    let _turn = turn();
    // Whatever hangs is ended by the signal; under valgrind all takes long.
    // SAFETY: nobody else asks for one.
    unsafe { libc::alarm(600) };
    for (level, guard) in Level::ALL
        .map(|level| (level, GuardLevel::Off))
        .into_iter()
        .chain([(Level::Blocks, GuardLevel::Full), (Level::Full, GuardLevel::RedZone)])
    {
        HEAP.set_level(level);
        HEAP.guards().set_level(guard);
        let (begun, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            let threads: Vec<_> = (1..=CHURNING_THREADS)
                .map(|seed| {
                    let (begun, is_over) = (&begun, &is_over);
                    scope.spawn(move || churn(seed as usize, begun, is_over))
                })
                .collect();
            while begun.load(Ordering::Relaxed) < CHURNING_THREADS {
                thread::yield_now();
            }
            let statuses: Vec<_> = (0..10).map(|_| fork_and_wait()).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(threads.into_iter().all(|thread| thread.join().unwrap() > 0), "threads go on");
            assert!(statuses.iter().all(|status| *status == 0), "{level}, {guard}: {statuses:?}");
        });
        assert_eq!(consistency_at_rest(), Consistency::Holds, "{level}, {guard}");
    }
    // SAFETY: as above.
    unsafe { libc::alarm(0) };
    HEAP.guards().set_level(GuardLevel::Off);
    assert_eq!(HEAP.counters().bad_frees, 0);
}

/// A program with one thread, which [`a_program_with_one_thread_forks_before_and_after_others_come`] starts.
#[test]
#[ignore = "started by another test"]
fn forking_program() {
    for (level, guard) in [(Level::Full, GuardLevel::Off), (Level::Stacks, GuardLevel::Full)] {
        HEAP.set_level(level);
        HEAP.guards().set_level(guard);
        let kept: Vec<Vec<u8>> = (1..300).map(|size_bytes| black_box(vec![1; size_bytes])).collect();
        // In the child others come, here there is still one.
        let statuses = [(); 2].map(|()| fork_and_wait());
        assert_eq!(statuses, [0; 2], "{level}, {guard}");
        drop(kept);
        assert_eq!(HEAP.check_consistency(), Consistency::Holds, "{level}, {guard}");
    }
    let kept: Vec<Vec<u8>> = (1..300).map(|size_bytes| black_box(vec![1; size_bytes])).collect();
    thread::scope(|scope| {
        let (first, last) = kept.split_at(150);
        let copies = [first, last].map(|part| scope.spawn(|| part.to_vec()));
        for copy in copies {
            drop(copy.join().unwrap());
        }
    });
    assert_eq!([(); 2].map(|()| fork_and_wait()), [0; 2]);
    thread::spawn(|| drop(kept)).join().unwrap();
    HEAP.guards().set_level(GuardLevel::Off);
    assert_eq!((consistency_at_rest(), HEAP.counters().bad_frees), (Consistency::Holds, 0));
}

#[test]
fn a_program_with_one_thread_forks_before_and_after_others_come() {
    let program = Command::new(std::env::current_exe().unwrap())
        // So that the test runs in the first thread.
        .args(["forking_program", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env_remove("MEMSTAT")
        .output()
        .unwrap();
    assert!(program.status.success(), "{program:?}");
}

/// Allocates when its thread has ended already.
struct Last(Vec<u8>);

impl Drop for Last {
    fn drop(&mut self) {
        black_box(vec![self.0.len(); 50]);
    }
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

static LATE_FREES: AtomicU64 = AtomicU64::new(0);

/// Called by the C library after all variables of a thread have gone.
extern "C" fn at_the_very_end(block: *mut c_void) {
    // SAFETY: such a box was given to `pthread_setspecific`.
    let block = unsafe { Box::from_raw(block.cast::<[u64; 9]>()) };
    drop(black_box(vec![block[0]; 20]));
    LATE_FREES.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn more_threads_than_lanes_allocate_to_their_very_end() {
    const THREADS: usize = MAX_LANES + 16;
    let _turn = turn();
    let mut key = 0;
    // SAFETY: the key and the function are as asked for.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(at_the_very_end)) }, 0);
    for level in Level::ALL {
        HEAP.set_level(level);
        LATE_FREES.store(0, Ordering::Relaxed);
        let (barrier, before) = (Barrier::new(THREADS), HEAP.counters());
        thread::scope(|scope| {
            for seed in 0..THREADS {
                let barrier = &barrier;
                scope.spawn(move || {
                    LAST.set(Some(Last(vec![1; seed])));
                    let late = Box::into_raw(Box::new([seed as u64; 9]));
                    // SAFETY: the key exists; its function frees the box.
                    assert_eq!(unsafe { libc::pthread_setspecific(key, late.cast_const().cast()) }, 0);
                    // All are there at once.
                    barrier.wait();
                    drop(black_box(
                        (1..100).map(|size_bytes| vec![seed as u8; size_bytes]).collect::<Vec<_>>(),
                    ));
                });
            }
        });
        // A scope waits for the closures, and not for what comes after them.
        let start = Instant::now();
        while LATE_FREES.load(Ordering::Relaxed) < THREADS as u64 {
            assert!(start.elapsed() < Duration::from_mins(1), "{level}: threads have not ended");
            thread::yield_now();
        }
        let counters = HEAP.counters();
        assert_eq!((counters.bad_frees, counters.untracked), (0, before.untracked), "{level}");
        assert_eq!(consistency_at_rest(), Consistency::Holds, "{level}");
    }
    // SAFETY: all threads that had a value have ended.
    assert_eq!(unsafe { libc::pthread_key_delete(key) }, 0);
}

#[test]
fn threads_have_lanes_of_their_own_and_blocks_name_their_threads() {
    let _turn = turn();
    HEAP.set_level(Level::Blocks);
    let task_of = |block: &u64| HEAP.blocks().get(std::ptr::from_ref(block) as usize).unwrap().task();
    let own = Box::new(1_u64);
    let mut tasks: Vec<_> = (0..8)
        .map(|_| thread::spawn(|| Box::new(2_u64)).join().unwrap())
        .chain([own])
        .map(|block| task_of(&block))
        .collect();
    tasks.sort_unstable();
    tasks.dedup();
    assert_eq!(tasks.len(), 9, "{tasks:?}");
    assert!(!tasks.contains(&0));
}

#[inline(never)]
fn make_block() -> *mut u8 {
    // SAFETY: the size is not zero.
    black_box(unsafe { alloc(LAYOUT) })
}

#[inline(never)]
fn write_behind(block: *mut u8) {
    // SAFETY: it lies in the red zone, which the tracker has asked for.
    unsafe { block.add(LAYOUT.size()).write(0x77) };
}

#[inline(never)]
fn free_once(block: *mut u8) {
    // SAFETY: what is wrong with it is what is tested.
    unsafe { dealloc(block, LAYOUT) };
    black_box(block);
}

#[inline(never)]
fn free_again(block: *mut u8) {
    // SAFETY: as above.
    unsafe { dealloc(block, LAYOUT) };
    black_box(block);
}

#[inline(never)]
fn resize(block: *mut u8) {
    // SAFETY: as above.
    assert!(black_box(unsafe { realloc(block, LAYOUT, 500) }).is_null());
}

/// A program that makes three mistakes, which [`mistakes_are_told_with_their_call_stacks`] starts.
#[test]
#[ignore = "started by another test"]
fn mistaken_program() {
    let overrun = make_block();
    write_behind(overrun);
    free_once(overrun);
    let twice = make_block();
    free_once(twice);
    free_again(twice);
    resize(twice);
    assert_eq!(HEAP.counters().bad_frees, 2);
}

#[test]
fn mistakes_are_told_with_their_call_stacks() {
    let program = Command::new(std::env::current_exe().unwrap())
        .args(["mistaken_program", "--exact", "--ignored", "--nocapture"])
        .env("MEMSTAT", "stacks,guard=full")
        .output()
        .unwrap();
    let text = String::from_utf8(program.stderr).unwrap();
    assert!(program.status.success(), "{text}");
    let mistakes: Vec<_> = text.split("memstat: ").skip(1).collect();
    let [overrun, twice, resized] = mistakes.try_into().unwrap_or_else(|_| panic!("{text}"));
    assert!(overrun.starts_with("overrun: a write 0 bytes past the end of the block "), "{overrun}");
    assert!(twice.starts_with("double free of "), "{twice}");
    assert!(resized.starts_with("double free of "), "{resized}");
    for (mistake, function) in [(overrun, "free_once"), (twice, "free_again"), (resized, "resize")] {
        let (now, origin) = mistake.split_once("  allocated by\n").unwrap();
        let first = |text: &str| text.lines().next().unwrap().trim().to_owned();
        assert!(first(now.split_once("  found by\n").unwrap().1).contains(function), "{mistake}");
        assert!(first(origin).contains("make_block"), "{mistake}");
    }
    assert!(twice.split_once("  freed by\n").unwrap().1.contains("free_once"), "{twice}");
}

/// A program with busy threads, which [`a_signal_brings_a_whole_report_while_threads_allocate`] starts.
#[test]
#[ignore = "started by another test"]
fn busy_program() {
    let (begun, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for seed in 1..5 {
            let (begun, is_over) = (&begun, &is_over);
            scope.spawn(move || churn(seed, begun, is_over));
        }
        println!("ready");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(HEAP.counters().bad_frees, 0);
    assert_eq!(consistency_at_rest(), Consistency::Holds);
}

#[test]
fn a_signal_brings_a_whole_report_while_threads_allocate() {
    for level in ["counters", "stacks", "full", "blocks,guard=full"] {
        let file = std::env::temp_dir().join(format!("memstat-host-{}-{}", std::process::id(), level.len()));
        let mut program = Command::new(std::env::current_exe().unwrap())
            .args(["busy_program", "--exact", "--ignored", "--nocapture"])
            .env("MEMSTAT", format!("{level},report={}", file.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "{level}: the program has ended");
        }
        for _ in 0..5 {
            let _ = std::fs::remove_file(&file);
            // SAFETY: the process is ours and lives.
            assert_eq!(unsafe { libc::kill(program.id() as libc::pid_t, libc::SIGUSR1) }, 0);
            let start = Instant::now();
            while !std::fs::read_to_string(&file)
                .is_ok_and(|text| text.starts_with("heap program, level ") && text.contains(" 0 bad frees"))
            {
                assert!(start.elapsed() < Duration::from_mins(1), "{level}: no report");
                thread::sleep(Duration::from_millis(5));
            }
        }
        program.stdin.take().unwrap().write_all(b"\n").unwrap();
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut output, &mut rest).unwrap();
        assert!(program.wait().unwrap().success(), "{level}: {rest}");
        std::fs::remove_file(&file).unwrap();
    }
}
