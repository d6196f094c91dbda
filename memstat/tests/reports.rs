//! Whole reports in one call: what they say, and what they say when something is missing.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use common::{FIRST_SITE_ADDRESS, HostBackend, HostPlatform};
use memstat::{Level, StacksMark, Tracked, report};

type Heap = Tracked<HostBackend, HostPlatform>;

fn heap(level: Level) -> Box<Heap> {
    Box::new(Tracked::over(HostPlatform::default(), HostBackend::default(), level))
}

/// Allocates at a call site.
fn allocate(heap: &Heap, site: usize, size_bytes: usize) -> NonNull<u8> {
    heap.platform().site.store(site, Ordering::Relaxed);
    heap.allocate(Layout::from_size_align(size_bytes, 8).unwrap()).unwrap()
}

fn free(heap: &Heap, block: NonNull<u8>) {
    // SAFETY: the tests free what is live.
    unsafe { heap.free(block) }.unwrap();
}

fn since(heap: &Heap, mark: &StacksMark) -> String {
    let mut text = String::new();
    report::write_leaks_since(heap, mark, &mut text).unwrap();
    text
}

#[test]
fn growth_is_net_so_a_block_that_replaces_another_is_none() {
    let heap = heap(Level::Stacks);
    let mut cached = allocate(&heap, 1, 100);
    let shrinking = allocate(&heap, 3, 500);
    let mark = heap.leaks().mark();
    for _ in 0..3 {
        let new = allocate(&heap, 1, 100);
        free(&heap, cached);
        cached = new;
    }
    allocate(&heap, 2, 30);
    allocate(&heap, 2, 40);
    free(&heap, shrinking);
    let text = since(&heap, &mark);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "+70 bytes, +2 blocks: stack 3");
    assert_eq!(lines[1], format!("    {:#x}", FIRST_SITE_ADDRESS + 2));
    assert_eq!(lines[2], "total: -430 bytes, +1 blocks");
    assert_eq!(lines[3], "shrank: 1 stacks, -500 bytes, -1 blocks");
}

#[test]
fn a_mark_that_another_replaced_says_so() {
    let heap = heap(Level::Stacks);
    allocate(&heap, 1, 100);
    let old = heap.leaks().mark();
    let new = heap.leaks().mark();
    allocate(&heap, 1, 100);
    assert_eq!(since(&heap, &old), "a later mark was set: what has grown since this one is not known\n");
    assert!(since(&heap, &new).starts_with("+100 bytes, +1 blocks: stack 1\n"));
}

#[test]
fn a_program_without_frame_pointers_is_told_what_to_do() {
    // Its frame pointer never changes, as that of code that does not set it.
    let heap = heap(Level::Stacks);
    allocate(&heap, 1, 100);
    let mut text = String::new();
    report::write_top_stacks(&*heap, &mut text).unwrap();
    assert!(text.starts_with("stack 1: 100 bytes in 1 blocks live"), "{text}");
    assert!(text.lines().last().unwrap().ends_with("compile it with -Cforce-frame-pointers=yes"), "{text}");
}

#[test]
fn a_level_without_stacks_is_named() {
    let heap = heap(Level::Blocks);
    let mark = heap.leaks().mark();
    allocate(&heap, 1, 100);
    let text = since(&heap, &mark);
    assert_eq!(
        text,
        "total: +100 bytes, +1 blocks\nno call stacks: the level is blocks, and they are recorded from stacks on\n"
    );
    let mut text = String::new();
    report::write_totals(&*heap, "test", &mut text).unwrap();
    assert!(
        text.starts_with("heap test, level blocks\nlive: 1 blocks, 100 bytes asked for, 112 bytes taken"),
        "{text}"
    );
}
