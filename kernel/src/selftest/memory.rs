//! The tests of the heap in the running kernel.

use core::alloc::Layout;
use core::mem::replace;
use core::ptr::{NonNull, null_mut};

use memstat::report::Growth;
use memstat::{GuardLevel, Level, Record};
use tally_heap::PAGE_BYTES;
use tally_heap::test_kit::contract;
use tally_heap::{Heap, Kind, PageSource, PageWords, SizeClass};

use crate::memory::heap::{kfree, kmalloc, krealloc, ksize, kzalloc, tracker};
use crate::memory::page_accounting::{
    HeapPages, Purpose, free_pages, give_pages, managed, pages_for, take_pages, total_pages,
};
use crate::memory::pages::scratch::Scratch;
use crate::selftest::{Finding, Outcome, Verdict};

const NO_MEMORY: &str = "no memory for the test";
/// Slabs and the arena may keep some pages in hand.
const KEPT_PAGES: usize = 32;

/// All pages are free or have a purpose.
pub(crate) fn pages_add_up() -> Outcome {
    let taken = Purpose::ALL.map(pages_for);
    if total_pages() == free_pages() + taken.iter().sum::<usize>() {
        Ok(())
    } else {
        Err("pages do not add up")
    }
}

/// A heap of its own for each kind keeps the contract, whichever one the kernel runs on.
pub(crate) fn heaps_keep_the_contract() -> Outcome {
    let managed = managed();
    let words_bytes = PageWords::size_bytes(&managed);
    let order = words_bytes.div_ceil(PAGE_BYTES).next_power_of_two().trailing_zeros();
    for kind in Kind::ALL {
        let memory = take_pages(order, Purpose::Buffers).ok_or("no memory for a page map")?;
        // SAFETY: so many bytes, ours until the heap is gone.
        let words = unsafe { PageWords::new(&managed, memory.cast()) };
        let outcome = match Recalled::new() {
            Some(source) => contract::check(kind, source, words),
            None => Err(NO_MEMORY),
        };
        // SAFETY: the heap was dropped by `check`, and the words with it.
        unsafe { give_pages(memory, order, Purpose::Buffers) };
        if outcome.is_err() {
            log::error!("heap={} does not keep the contract", kind.name());
            return outcome;
        }
    }
    Ok(())
}

/// Pages for a heap that is dropped with blocks in it, where a test has failed: they come back nevertheless.
struct Recalled {
    source: HeapPages,
    /// Address and order of what is out; address 0 where there is none.
    taken: Scratch<(usize, u32)>,
}

// SAFETY: the table is nobody else's.
unsafe impl Send for Recalled {}

impl Recalled {
    fn new() -> Option<Self> {
        Some(Self { source: HeapPages, taken: Scratch::new(contract::PAGES, || (0, 0))? })
    }
}

// SAFETY: the source within keeps the contract.
unsafe impl PageSource for Recalled {
    fn take(&mut self, order: u32) -> Option<NonNull<u8>> {
        let slot = self.taken.as_mut_slice().iter_mut().find(|(address, _)| *address == 0)?;
        let pages = self.source.take(order)?;
        *slot = (pages.as_ptr() as usize, order);
        Some(pages)
    }

    unsafe fn give(&mut self, pages: NonNull<u8>, order: u32) {
        let address = pages.as_ptr() as usize;
        if let Some(slot) = self.taken.as_mut_slice().iter_mut().find(|(taken, _)| *taken == address) {
            *slot = (0, 0);
        }
        // SAFETY: handed on to the caller.
        unsafe { self.source.give(pages, order) };
    }
}

impl Drop for Recalled {
    fn drop(&mut self) {
        for (address, order) in self.taken.as_mut_slice().iter() {
            if let Some(pages) = NonNull::new(*address as *mut u8) {
                // SAFETY: taken with this order and not given back; the heap that had them is gone.
                unsafe { self.source.give(pages, *order) };
            }
        }
    }
}

/// The lesson: at every step the report says what was done.
pub(crate) fn ten_blocks_agree() -> Outcome {
    let base = tracker().counters();
    let agrees = |blocks: u64, bytes: u64| {
        let now = tracker().counters();
        // With a full arena the sizes of blocks that could not be recorded are not known.
        let is_sized = now.untracked > base.untracked || now.live_bytes == base.live_bytes + bytes;
        now.live_blocks == base.live_blocks + blocks
            && is_sized
            && tracker().blocks().count() as u64 == now.recorded_blocks()
    };
    let mut blocks = Held([null_mut(); 10]);
    let mut bytes = 0;
    for (number, block) in blocks.0.iter_mut().enumerate() {
        let size_bytes = 100 * (number + 1);
        *block = kmalloc(size_bytes);
        bytes += size_bytes as u64;
        if block.is_null() || !agrees(number as u64 + 1, bytes) {
            return Err("after a kmalloc the report is wrong");
        }
    }
    for (number, block) in blocks.0.iter_mut().enumerate() {
        // SAFETY: from kmalloc, and nobody uses it.
        unsafe { kfree(replace(block, null_mut())) };
        bytes -= 100 * (number as u64 + 1);
        if !agrees(9 - number as u64, bytes) {
            return Err("after a kfree the report is wrong");
        }
    }
    Ok(())
}

/// Blocks that are freed however a test ends.
struct Held<const N: usize>([*mut u8; N]);

impl<const N: usize> Drop for Held<N> {
    fn drop(&mut self) {
        for block in self.0 {
            // SAFETY: from kmalloc, and nobody uses it any more; null is ignored.
            unsafe { kfree(block) };
        }
    }
}

/// Zero sizes, huge sizes, null, sizes, zeroed memory.
pub(crate) fn kmalloc_contract() -> Outcome {
    let Held([first, second]) = &Held([kmalloc(0), kmalloc(0)]);
    if first.is_null() || second.is_null() || first == second {
        return Err("kmalloc(0) gives no block of its own");
    }
    if ![usize::MAX, isize::MAX as usize, 1 << 46].into_iter().all(|size_bytes| kmalloc(size_bytes).is_null())
    {
        return Err("a senseless size was served");
    }
    let dirty = kmalloc(300);
    if dirty.is_null() {
        return Err(NO_MEMORY);
    }
    // SAFETY: a live block of 300 bytes, then freed once; null is ignored.
    unsafe {
        dirty.write_bytes(0xa5, 300);
        kfree(dirty);
        kfree(null_mut());
    }
    let zeroed = kzalloc(300);
    if zeroed.is_null() {
        return Err(NO_MEMORY);
    }
    // SAFETY: a live block of 300 bytes.
    let is_zero = (0..300).all(|at| unsafe { zeroed.add(at).read() } == 0);
    let size_bytes = ksize(zeroed);
    // SAFETY: a live block that nobody uses.
    unsafe { kfree(zeroed) };
    if !is_zero {
        return Err("kzalloc does not clear");
    }
    if size_bytes < 300 || ksize(zeroed) != 0 { Err("ksize is wrong") } else { Ok(()) }
}

/// A block keeps its bytes through growth and shrinking.
pub(crate) fn krealloc_keeps_contents() -> Outcome {
    let mut known = 16;
    // SAFETY: the block is live, owned here, and written within its size only.
    unsafe {
        let mut block = krealloc(null_mut(), known);
        if block.is_null() {
            return Err(NO_MEMORY);
        }
        for at in 0..known {
            block.add(at).write(at as u8);
        }
        for size_bytes in [20, 500, 70_000, 300, 17, 5000] {
            let moved = krealloc(block, size_bytes);
            if moved.is_null() {
                kfree(block);
                return Err(NO_MEMORY);
            }
            block = moved;
            known = known.min(size_bytes);
            if (0..known).any(|at| block.add(at).read() != at as u8) {
                kfree(block);
                return Err("contents were lost");
            }
        }
        if krealloc(block, 0).is_null() { Ok(()) } else { Err("krealloc to 0 gives a block") }
    }
}

/// Blocks are aligned as asked, up to 2 MiB.
pub(crate) fn alignment() -> Outcome {
    for align_log2 in 0..=21 {
        let Ok(layout) = Layout::from_size_align(40, 1 << align_log2) else { return Err("no layout") };
        let Some(block) = tracker().allocate(layout) else { return Err("no memory") };
        let is_aligned = (block.as_ptr() as usize).is_multiple_of(layout.align());
        // SAFETY: a live block that nobody uses.
        let freed = unsafe { tracker().free_with_layout(block, layout) };
        if !is_aligned || freed.is_err() {
            return Err("a block is not aligned");
        }
    }
    Ok(())
}

/// Double, interior and foreign frees are counted and change nothing.
pub(crate) fn bad_frees_do_no_harm() -> Outcome {
    let block = kmalloc(100);
    let large = kmalloc(3 * PAGE_BYTES);
    if block.is_null() || large.is_null() {
        // SAFETY: from kmalloc; null is ignored.
        unsafe {
            kfree(block);
            kfree(large);
        }
        return Err(NO_MEMORY);
    }
    let before = tracker().counters();
    let mut local = 0_u64;
    // SAFETY: the tracker refuses all of them.
    unsafe {
        kfree(block.add(8));
        kfree(large.add(PAGE_BYTES + 5));
        kfree((&raw mut local).cast());
        kfree(usize::MAX as *mut u8);
        if !krealloc(block.add(16), 10).is_null() {
            return Err("krealloc took an interior pointer");
        }
    }
    let middle = tracker().counters();
    // SAFETY: live blocks that nobody uses; the second frees are refused.
    unsafe {
        kfree(block);
        kfree(block);
        kfree(large);
        kfree(large);
    }
    let after = tracker().counters();
    if middle.bad_frees != before.bad_frees + 5 || after.bad_frees != middle.bad_frees + 2 {
        return Err("bad frees were not counted");
    }
    if middle.live_bytes != before.live_bytes || after.frees != before.frees + 2 {
        return Err("a bad free changed the heap");
    }
    Ok(())
}

/// A byte behind a block, one before it and one in it after its free are found, and nothing else is.
pub(crate) fn guards_find_what_is_planted() -> Finding {
    let (level, guard) = (tracker().level(), tracker().guards().level());
    tracker().set_level(level.max(Level::Blocks));
    tracker().guards().set_level(GuardLevel::Full);
    // A sampled block has other guards.
    let interval = tracker().guards().sampling_interval();
    tracker().guards().set_sampling_interval(0);
    let outcome = plant_and_look();
    tracker().guards().set_sampling_interval(interval);
    tracker().guards().set_level(guard);
    tracker().set_level(level);
    outcome
}

fn plant_and_look() -> Finding {
    const SIZE_BYTES: usize = 61;
    let found = || {
        tracker().guards().check(|| true);
        let now = tracker().guards().statistics();
        [now.overruns, now.underruns, now.writes_after_free]
    };
    let before = found();
    let since = |[a, b, c]: [u64; 3]| [a - before[0], b - before[1], c - before[2]];
    let guarded_blocks = || tracker().guards().statistics().guarded_blocks;
    let guarded_before = guarded_blocks();
    let block = kmalloc(SIZE_BYTES);
    if block.is_null() {
        return Err(NO_MEMORY);
    }
    if guarded_blocks() == guarded_before {
        // SAFETY: from kmalloc, and nobody uses it.
        unsafe { kfree(block) };
        return Ok(Verdict::Skipped(
            "no room for guards: in the arena for a record, or in the heap around the block",
        ));
    }
    // SAFETY: a live block, then its guards, which are there at this level; then a block that is held back, if it is.
    let seen = unsafe {
        block.write_bytes(0x5a, SIZE_BYTES);
        let clean = since(found());
        block.add(SIZE_BYTES).write(0);
        let over = since(found());
        block.sub(1).write(0);
        let under = since(found());
        kfree(block);
        let is_held = tracker().guards().quarantined(block as usize).is_some();
        if is_held {
            block.add(SIZE_BYTES - 1).write(0);
        }
        [clean, over, under, since(found()), [1, 1, u64::from(is_held)]]
    };
    match seen {
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], last, expected] if last == expected => match last {
            [.., 0] => Ok(Verdict::Skipped("the freed block was not put into quarantine")),
            _ => Ok(Verdict::Passed),
        },
        _ => Err("a guard missed a write, or told of one that was not"),
    }
}

/// With no memory left kmalloc says null; after the frees everything is there again.
pub(crate) fn exhaustion() -> Outcome {
    // The history may grow meanwhile, and blocks that are freed may be held back.
    let usable_pages = || {
        tracker().guards().flush_quarantine();
        free_pages() + pages_for(Purpose::Arena) + pages_for(Purpose::GuardPages)
    };
    let (before, pages) = (tracker().counters(), usable_pages());
    drop(AllBlocks::take());
    let after = tracker().counters();
    if after.failures - before.failures < 5 {
        return Err("no failure was counted");
    }
    if after.live_bytes != before.live_bytes || after.live_blocks != before.live_blocks {
        return Err("the blocks did not come back");
    }
    if usable_pages() + KEPT_PAGES < pages { Err("the pages did not come back") } else { Ok(()) }
}

/// All memory, in blocks of the heap: each holds the one before, as nothing else to keep them in is left.
struct AllBlocks(*mut u8);

impl AllBlocks {
    fn take() -> Self {
        let mut chain = null_mut();
        // From large blocks to small, so that few are needed.
        for size_bytes in [64 << 20, 4 << 20, 256 << 10, 16 << 10, 4096] {
            loop {
                let block = kmalloc(size_bytes);
                if block.is_null() {
                    break;
                }
                // SAFETY: a live block of at least a word.
                unsafe { block.cast::<*mut u8>().write_unaligned(chain) };
                chain = block;
            }
        }
        Self(chain)
    }
}

impl Drop for AllBlocks {
    fn drop(&mut self) {
        while !self.0.is_null() {
            let block = self.0;
            // SAFETY: live blocks, each written by `take`; nobody uses one after it is read.
            unsafe {
                self.0 = block.cast::<*mut u8>().read_unaligned();
                kfree(block);
            }
        }
    }
}

/// All memory, in pages for buffers: each run holds the one before, and its own order.
struct AllPages(Option<NonNull<u8>>);

impl AllPages {
    fn take() -> Self {
        let mut chain = None;
        for order in (0..=10).rev() {
            while let Some(pages) = take_pages(order, Purpose::Buffers) {
                // SAFETY: fresh pages, aligned to their size.
                unsafe { pages.cast::<(Option<NonNull<u8>>, u32)>().write((chain, order)) };
                chain = Some(pages);
            }
        }
        Self(chain)
    }
}

impl Drop for AllPages {
    fn drop(&mut self) {
        while let Some(pages) = self.0 {
            // SAFETY: written by `take`; nobody uses them after they are read.
            unsafe {
                let (next, order) = pages.cast::<(Option<NonNull<u8>>, u32)>().read();
                give_pages(pages, order, Purpose::Buffers);
                self.0 = next;
            }
        }
    }
}

/// Before an allocation fails, of a block or of pages, all goes that is kept in hand: blocks in quarantine, empty slabs,
/// spare pages of the arena.
pub(crate) fn reclaim_comes_first() -> Finding {
    let (level, guard, sampling) =
        (tracker().level(), tracker().guards().level(), tracker().guards().sampling_interval());
    tracker().set_level(level.max(Level::Blocks));
    tracker().guards().set_level(GuardLevel::Full);
    // A sampled block is held back by nobody.
    tracker().guards().set_sampling_interval(0);
    let outcome = goes_before(AllBlocks::take).and_then(|_| goes_before(AllPages::take));
    tracker().guards().set_sampling_interval(sampling);
    tracker().guards().set_level(guard);
    tracker().set_level(level);
    outcome
}

/// Keeps something in hand, and looks whether it is gone when `take_all` has all memory.
fn goes_before<T>(take_all: impl FnOnce() -> T) -> Finding {
    // As many bytes as are asked for nowhere else: so the slab has this block alone.
    const SIZE_BYTES: usize = 1500;
    // Of another size class, guards included: so that slab stays empty.
    const HELD_BYTES: usize = 700;
    let has_empty_slab = || {
        let is_empty = |class: SizeClass| class.slabs > 0 && class.live_blocks == 0;
        let classes = |heap: &Heap<HeapPages>| (0..).map_while(|number| heap.class(number)).any(is_empty);
        tracker().with_backend(classes).unwrap_or(false)
    };
    tracker().guards().set_level(GuardLevel::Off);
    let kept = kmalloc(SIZE_BYTES);
    // SAFETY: from kmalloc, and nobody uses it; null is ignored.
    unsafe { kfree(kept) };
    tracker().guards().set_level(GuardLevel::Full);
    let held = kmalloc(HELD_BYTES);
    let is_recorded = tracker().blocks().get(held as usize).is_some();
    // SAFETY: as above.
    unsafe { kfree(held) };
    if kept.is_null() || held.is_null() {
        return Err(NO_MEMORY);
    }
    let has_slabs = tracker().with_backend(|heap| heap.class(0).is_some()).unwrap_or(false);
    if has_slabs && !has_empty_slab() {
        return Err("no empty slab is kept in hand");
    }
    if is_recorded && tracker().guards().quarantined(held as usize).is_none() {
        return Err("no freed block is held back");
    }
    let all = take_all();
    let (is_held, has_slab) = (tracker().guards().quarantined(held as usize).is_some(), has_empty_slab());
    drop(all);
    match (is_held, has_slab) {
        (true, _) => Err("memory ended with a block in quarantine"),
        (_, true) => Err("memory ended with an empty slab in hand"),
        _ if !has_slabs && !is_recorded => Ok(Verdict::Skipped(
            "nothing is kept: this heap has no slabs, and the arena no room for a record",
        )),
        _ => Ok(Verdict::Passed),
    }
}

/// What is live under the call stacks, and what has none, is all that is live.
pub(crate) fn stacks_sum_up() -> Finding {
    let mut sum = Growth::default();
    for number in 1..=tracker().stacks().count() {
        let stack = tracker().stacks().get(number).ok_or("a call stack is gone")?;
        sum.blocks += u64::from(stack.live_blocks);
        sum.bytes += stack.live_bytes;
    }
    let mut records = [Record::EMPTY; 16];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = tracker().blocks().read(from, &mut records);
        for record in records.iter().take(count).filter(|record| record.stack() == 0) {
            sum.blocks += 1;
            sum.bytes += record.size_bytes() as u64;
        }
        cursor = next;
    }
    let counters = tracker().counters();
    if (sum.blocks, sum.bytes) != (counters.recorded_blocks(), counters.live_bytes) {
        return Err("the sums over call stacks are not the totals");
    }
    if tracker().stacks().count() == 0 {
        return Ok(Verdict::Skipped("no call stacks are recorded"));
    }
    Ok(Verdict::Passed)
}

/// Each of many blocks is recorded, or counted as one that is not; and each of their frees is a good one.
pub(crate) fn hundred_thousand_blocks() -> Outcome {
    const BLOCKS: u64 = 100_000;
    let mut blocks = Scratch::new(BLOCKS as usize, null_mut::<u8>).ok_or("no memory for the list")?;
    let (before, records) = (tracker().counters(), tracker().blocks().count());
    let blocks = blocks.as_mut_slice();
    for block in blocks.iter_mut() {
        *block = kmalloc(16);
    }
    let (full, full_records) = (tracker().counters(), tracker().blocks().count());
    let has_all = blocks.iter().all(|block| !block.is_null());
    for block in blocks {
        // SAFETY: from kmalloc, each once, and nobody uses them; null is ignored.
        unsafe { kfree(*block) };
    }
    let after = tracker().counters();
    if !has_all {
        return Err("an allocation failed");
    }
    let untracked = full.untracked - before.untracked;
    if untracked + (full_records - records) as u64 != BLOCKS
        || full.live_blocks != before.live_blocks + BLOCKS
    {
        return Err("a block is neither recorded nor counted");
    }
    if full.live_untracked != before.live_untracked + untracked {
        return Err("the live blocks that are not recorded are not those that could not be");
    }
    let is_back = (after.live_blocks, after.live_bytes, after.taken_bytes, after.live_untracked)
        == (before.live_blocks, before.live_bytes, before.taken_bytes, before.live_untracked);
    if after.bad_frees != before.bad_frees || !is_back {
        Err("the frees were not all good ones")
    } else {
        Ok(())
    }
}

/// Every block is in the listing, once, but for those that are counted as not recorded.
pub(crate) fn thousand_blocks_are_listed() -> Outcome {
    const BLOCKS: usize = 1000;
    let mut blocks = Scratch::new(BLOCKS, null_mut::<u8>).ok_or(NO_MEMORY)?;
    let mut seen = Scratch::new(BLOCKS, || 0_u8).ok_or(NO_MEMORY)?;
    let mut order = Scratch::new(BLOCKS, || (0_usize, 0_usize)).ok_or(NO_MEMORY)?;
    let (blocks, seen, order) = (blocks.as_mut_slice(), seen.as_mut_slice(), order.as_mut_slice());
    let before = tracker().counters();
    for (number, block) in blocks.iter_mut().enumerate() {
        *block = kmalloc(number % 200);
    }
    let unrecorded = (tracker().counters().untracked - before.untracked) as usize;
    for (number, (place, block)) in order.iter_mut().zip(blocks.iter()).enumerate() {
        *place = (*block as usize, number);
    }
    order.sort_unstable();
    let mut buffer = [Record::EMPTY; 16];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = tracker().blocks().read(from, &mut buffer);
        for record in buffer.iter().take(count) {
            if let Ok(place) = order.binary_search_by_key(&record.address(), |(address, _)| *address) {
                seen[order[place].1] += 1;
            }
        }
        cursor = next;
    }
    let has_all = blocks.iter().all(|block| !block.is_null());
    for block in blocks {
        // SAFETY: a live block that nobody uses; null is ignored.
        unsafe { kfree(*block) };
    }
    if !has_all {
        return Err(NO_MEMORY);
    }
    let count_of = |times: u8| seen.iter().map(|count| usize::from(*count == times)).sum::<usize>();
    if count_of(1) == BLOCKS - unrecorded && count_of(0) == unrecorded {
        Ok(())
    } else {
        Err("a block is missing or listed twice")
    }
}
