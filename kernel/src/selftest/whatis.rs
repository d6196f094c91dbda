//! `whatis` on random addresses, compared with walks over all that there is: stacks, runs of pages, live blocks, tables.

use memstat::{BlockState, GuardLevel, Level, Record};
use tally_heap::PAGE_BYTES;
use tally_heap::test_kit::random::Random;

use super::{Finding, NO_MEMORY, Outcome, Verdict};
use crate::arch::{VAddr, clock, direct_map, image, paging, stacks};
use crate::logger;
use crate::memory::heap::{kfree, kmalloc, tracker};
use crate::memory::page_accounting::{FIRST_NUMBER, numbered_pages, page_with_number};
use crate::memory::page_owners::visit_runs;
use crate::memory::pages::scratch::Scratch;
use crate::memory::whatis::{Answer, What};

const ADDRESSES: usize = 10_000;
/// Blocks that the test makes, so that there are many to be found.
const BLOCKS: usize = 100;
/// The longest that an answer may take on a busy host. Of guest time it is 0.01 s at most.
const LIMIT_NS: u64 = 1_000_000_000;

/// An address, and what the walks have found there; 0 for nothing.
#[derive(Clone, Copy)]
struct Asked {
    address: usize,
    run: usize,
    block: usize,
}

/// Blocks, which are freed when this is dropped. Their addresses are kept inverted: what stays of them on the stack must not
/// look like references to a later test's blocks.
struct Blocks([usize; BLOCKS]);

impl Drop for Blocks {
    fn drop(&mut self) {
        for block in self.0 {
            // SAFETY: a block of this test's, or null.
            unsafe { kfree(!block as *mut u8) };
        }
    }
}

/// Each answer is that of the walks, and comes in time.
pub(crate) fn answers_agree_with_walks() -> Outcome {
    let mut random = Random::new(15);
    let mut blocks = Blocks([!0; BLOCKS]);
    for block in &mut blocks.0 {
        *block = !(kmalloc(random.below(9000)) as usize);
    }
    let mut asked = Scratch::new(ADDRESSES, || Asked { address: 0, run: 0, block: 0 }).ok_or(NO_MEMORY)?;
    let asked = asked.as_mut_slice();
    for place in &mut *asked {
        place.address = address(&mut random, &blocks);
    }
    asked.sort_unstable_by_key(|place| place.address);
    walk_runs(asked);
    walk_blocks(asked);
    let mut slowest_ns = 0;
    for place in &*asked {
        let start_ns = clock::uptime_ns();
        let answer = Answer::of_virtual(VAddr::from_usize(place.address));
        slowest_ns = slowest_ns.max(clock::uptime_ns() - start_ns);
        check(place, &answer)
            .inspect_err(|_| log::error!("whatis {:#x}: {:?}", place.address, answer.what))?;
    }
    log::debug!("whatis: the slowest of {ADDRESSES} answers took {slowest_ns} ns");
    if slowest_ns < LIMIT_NS { Ok(()) } else { Err("an answer takes too long") }
}

fn address(random: &mut Random, blocks: &Blocks) -> usize {
    let image = image::whole();
    let in_span =
        |start: VAddr, size_bytes: usize, random: &mut Random| start.as_usize() + random.below(size_bytes);
    match random.below(8) {
        0 => random.next_u64() as usize,
        1 => in_span(image.start, (image.end - image.start).as_usize(), random),
        2 => in_span(paging::sparse::SPARSE_WINDOW, 1 << 30, random),
        3 => {
            let stack = stacks::all().nth(random.below(5)).unwrap_or(stacks::main_stack());
            in_span(stack.start - PAGE_BYTES, (stack.end - stack.start).as_usize() + PAGE_BYTES, random)
        }
        4 | 5 => {
            let block = blocks.0.get(random.below(BLOCKS)).map_or(0, |block| !block);
            block.wrapping_add(random.below(9000)).wrapping_sub(100)
        }
        _ => {
            let page = page_with_number(FIRST_NUMBER + random.below(numbered_pages()));
            page.map_or(0, |page| page.as_ptr() as usize) + random.below(PAGE_BYTES)
        }
    }
}

fn range_of(asked: &mut [Asked], start: usize, size_bytes: usize) -> &mut [Asked] {
    let first = asked.partition_point(|place| place.address < start);
    let end = asked.partition_point(|place| place.address < start + size_bytes);
    asked.get_mut(first..end).unwrap_or_default()
}

fn walk_runs(asked: &mut [Asked]) {
    visit_runs(0, usize::MAX / 2, &mut |run| {
        for place in range_of(asked, run.first.as_usize(), run.pages * PAGE_BYTES) {
            place.run = run.first.as_usize();
        }
        true
    });
}

fn walk_blocks(asked: &mut [Asked]) {
    let mut records = [Record::EMPTY; 32];
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let (count, next) = tracker().blocks().read(from, &mut records);
        cursor = next;
        for record in records.iter().take(count) {
            for place in range_of(asked, record.address(), record.size_bytes().max(1)) {
                place.block = record.address();
            }
        }
    }
}

fn check(place: &Asked, answer: &Answer) -> Outcome {
    let address = VAddr::from_usize(place.address);
    let is_mapped = address.as_usize() < usize::MAX && paging::is_mapped(address..address + 1_usize);
    let is_canonical = matches!(place.address >> 47, 0 | 0x1_ffff);
    if is_canonical && is_mapped != answer.mapping.is_some() {
        return Err("it is mapped or not, unlike the tables say");
    }
    let stack = stacks::containing(address);
    if stack.is_some() != matches!(answer.what, What::Stack(_)) {
        return Err("it is in a stack or not, unlike the list of stacks says");
    }
    if stacks::is_guard(address) != matches!(answer.what, What::StackGuard(_)) {
        return Err("it is below a stack or not, unlike the list of stacks says");
    }
    if answer.run.map_or(0, |run| run.first.as_usize()) != place.run {
        return Err("it is in another run of pages than the walk over all runs says");
    }
    let live = match &answer.what {
        What::Block(block) if block.life.state == BlockState::Live && block.life.contains(place.address) => {
            block.life.block.address()
        }
        _ => 0,
    };
    if live != place.block {
        return Err("it is in another block than the walk over all blocks says");
    }
    if is_mapped && matches!(answer.what, What::Unmapped(_) | What::Unknown(_) | What::NotCanonical) {
        return Err("there is something, but the answer has nothing");
    }
    // The same byte by its physical address.
    let in_direct_map = (direct_map::START..direct_map::START + (1_usize << 46)).contains(&address);
    if let Some(physical) = answer.physical.filter(|_| in_direct_map && is_mapped) {
        let same = Answer::of_physical(physical);
        if core::mem::discriminant(&same.what) != core::mem::discriminant(&answer.what) {
            return Err("another answer comes for its physical address");
        }
    }
    Ok(())
}

/// A report of an overrun says what the word that was written is the address of.
pub(crate) fn words_are_explained() -> Finding {
    let (level, guard) = (tracker().level(), tracker().guards().level());
    let interval = tracker().guards().sampling_interval();
    tracker().set_level(level.max(Level::Blocks));
    tracker().guards().set_level(GuardLevel::Full);
    // A sampled block has no red zone of that size.
    tracker().guards().set_sampling_interval(0);
    let outcome = write_address_past_a_block();
    tracker().guards().set_sampling_interval(interval);
    tracker().guards().set_level(guard);
    tracker().set_level(level);
    outcome
}

fn write_address_past_a_block() -> Finding {
    const SIZE_BYTES: usize = 64;
    let guarded_before = tracker().guards().statistics().guarded_blocks;
    let [block, other] = [(); 2].map(|()| kmalloc(SIZE_BYTES));
    let are_guarded = tracker().guards().statistics().guarded_blocks == guarded_before + 2;
    let first = logger::written();
    if are_guarded {
        // SAFETY: the red zone behind a live block, as long as a word and more.
        unsafe { block.add(SIZE_BYTES).cast::<usize>().write_unaligned(other as usize) };
        tracker().guards().check(|| true);
    }
    let mut is_explained = false;
    logger::for_each_from(first, &mut |entry| {
        is_explained |= entry.text.contains(" is 0 bytes into the live block ");
    });
    for block in [block, other] {
        // SAFETY: from kmalloc or null, and nobody uses it.
        unsafe { kfree(block) };
    }
    match (are_guarded, is_explained) {
        (false, _) => Ok(Verdict::Skipped("no room for blocks with guards")),
        (true, true) => Ok(Verdict::Passed),
        (true, false) => Err("the report does not say what was written"),
    }
}
