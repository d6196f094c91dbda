//! The accounting: pages, call stacks and lists of blocks add up to the totals.

use core::ptr::null_mut;

use memstat::Record;
use memstat::report::Growth;
use tally_heap::PAGE_BYTES;

use super::NO_MEMORY;
use crate::memory::balance::Balance;
use crate::memory::heap::{kfree, kmalloc, tracker};
use crate::memory::page_accounting::{
    Purpose, free_pages, give_uncounted, number_of, numbered_pages, page_with_number, pages_for,
    take_uncounted, total_pages,
};
use crate::memory::page_owners::PagesCheck;
use crate::memory::pages::scratch::Scratch;
use crate::selftest::{Finding, Outcome, Verdict};

/// All pages are free or have a purpose, and an owner.
pub(crate) fn pages_add_up() -> Outcome {
    let taken = Purpose::ALL.map(pages_for);
    if total_pages() != free_pages() + taken.iter().sum::<usize>() {
        return Err("pages do not add up");
    }
    match PagesCheck::now() {
        PagesCheck::Broken(what) => Err(what),
        PagesCheck::Holds | PagesCheck::Busy => Ok(()),
    }
}

/// The balance holds, and would not if a page was lost.
pub(crate) fn balance_holds() -> Outcome {
    let unaccounted = || Balance::now().unaccounted_bytes();
    if unaccounted() != 0 {
        return Err("memory is not in balance");
    }
    let page = take_uncounted().ok_or("no page is free")?;
    let lost_bytes = unaccounted();
    give_uncounted(page);
    if lost_bytes != PAGE_BYTES as u64 {
        return Err("a page that is lost does not show");
    }
    if unaccounted() == 0 { Ok(()) } else { Err("memory is not in balance again") }
}

/// The contents of files are known by the numbers of pages; 0 is a hole there, so a page with that number would be lost.
pub(crate) fn pages_have_numbers() -> Outcome {
    let last = numbered_pages();
    let is_right = |number| page_with_number(number).and_then(number_of) == Some(number);
    if last < total_pages() || !(1..=last).all(is_right) {
        return Err("a page has no number, or that of another");
    }
    if page_with_number(0).is_some() || page_with_number(last + 1).is_some() {
        return Err("a number that is no page's leads to one");
    }
    Ok(())
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
    let (before, records) = (tracker().counters(), tracker().blocks().count());
    // Each block has the address of the one before it: a list of them would take much of a small memory.
    let (mut last, mut count) = (null_mut::<u8>(), 0);
    while count < BLOCKS {
        let block = kmalloc(16);
        if block.is_null() {
            break;
        }
        let link = (last as usize).to_ne_bytes();
        // SAFETY: a fresh block of 16 bytes.
        unsafe { block.copy_from_nonoverlapping(link.as_ptr(), link.len()) };
        last = block;
        count += 1;
    }
    let (full, full_records) = (tracker().counters(), tracker().blocks().count());
    let has_all = count == BLOCKS;
    while !last.is_null() {
        // SAFETY: written above.
        let link = usize::from_ne_bytes(unsafe { last.cast::<[u8; size_of::<usize>()]>().read() });
        // SAFETY: from kmalloc, each once, and nobody uses it.
        unsafe { kfree(last) };
        last = link as *mut u8;
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
