//! The accounting of pages: bad frees are refused, levels can be switched, and nothing depends on room for records.

use core::ptr::NonNull;

use memstat::Level;
use tally_heap::PAGE_BYTES;

use crate::arch::image;
use crate::memory::Purpose;
use crate::memory::page_accounting::{free_pages, give_pages, give_run, take_pages, take_run};
use crate::memory::page_owners::{PagesCheck, owner_of};
use crate::memory::page_tracker::page_tracker;
use crate::memory::pages::scratch::Scratch;
use crate::selftest::{NO_MEMORY, Outcome, count_lines};

fn check() -> Outcome {
    match PagesCheck::now() {
        PagesCheck::Broken(what) => Err(what),
        PagesCheck::Holds | PagesCheck::Busy => Ok(()),
    }
}

/// Whatever is no run, or not this one, is refused at each level, and no figure changes but the count of bad frees.
pub(crate) fn bad_frees_of_pages_do_no_harm() -> Outcome {
    let level = page_tracker().level();
    let outcome = Level::ALL.into_iter().try_for_each(|level| {
        page_tracker().set_level(level);
        refuse_bad_frees()
    });
    page_tracker().set_level(level);
    outcome.and_then(|()| check())
}

fn refuse_bad_frees() -> Outcome {
    const ORDER: u32 = 2;
    let run = take_pages(ORDER, Purpose::Drivers).ok_or(NO_MEMORY)?;
    let before = (page_tracker().counters(), free_pages());
    let image = NonNull::new(image::text().start.as_mut_ptr::<u8>()).unwrap_or(run);
    // SAFETY: no run of that length starts at any of these, so all of it is refused.
    unsafe {
        give_pages(run, 0);
        give_pages(run, ORDER + 1);
        give_pages(run.add(PAGE_BYTES), 0);
        give_pages(run.add(8), ORDER);
        give_pages(image, 0);
    }
    let after = (page_tracker().counters(), free_pages());
    let owner = owner_of(crate::arch::VAddr::from_usize(run.as_ptr() as usize + 5000));
    // SAFETY: taken above, and never used.
    unsafe { give_pages(run, ORDER) };
    let freed = page_tracker().counters();
    // SAFETY: the run is free already, so this is refused.
    unsafe { give_pages(run, ORDER) };
    let twice = page_tracker().counters();
    if after.0.bad_frees != before.0.bad_frees + 5 || twice.bad_frees != freed.bad_frees + 1 {
        return Err("a bad free of pages is not counted");
    }
    if (after.0.live_blocks, after.0.taken_bytes, after.1)
        != (before.0.live_blocks, before.0.taken_bytes, before.1)
    {
        return Err("a bad free of pages has changed something");
    }
    let is_known =
        owner.is_some_and(|owner| owner.pages == 1 << ORDER && owner.purpose == Some(Purpose::Drivers));
    if is_known { Ok(()) } else { Err("a page inside a run has no owner, or a wrong one") }
}

/// Without room for records pages are handed out all the same, and counted as not recorded.
pub(crate) fn pages_go_out_without_records() -> Outcome {
    const RUNS: usize = 300;
    let mut runs = Scratch::new(RUNS, || None::<NonNull<u8>>).ok_or(NO_MEMORY)?;
    let level = page_tracker().level();
    page_tracker().set_level(Level::Blocks);
    page_tracker().set_arena_limit_bytes(0);
    let before = page_tracker().counters();
    for (number, run) in runs.as_mut_slice().iter_mut().enumerate() {
        let pages = 1 + number % 3;
        *run = take_run(pages, pages.next_power_of_two().trailing_zeros(), Purpose::Drivers);
    }
    let full = page_tracker().counters();
    let checked = check();
    let taken = runs.as_slice().iter().flatten().count();
    for run in runs.as_slice().iter().flatten() {
        // SAFETY: taken above, and never used.
        unsafe { give_run(*run) };
    }
    page_tracker().set_arena_limit_bytes(usize::MAX);
    page_tracker().set_level(level);
    let after = page_tracker().counters();
    checked?;
    if taken != RUNS {
        return Err(NO_MEMORY);
    }
    if full.live_blocks != before.live_blocks + RUNS as u64 || full.live_untracked <= before.live_untracked {
        return Err("runs without a record are not counted");
    }
    if (after.live_blocks, after.live_untracked) != (before.live_blocks, before.live_untracked) {
        return Err("runs without a record did not come back");
    }
    check()
}

/// Reading what is known of pages takes none, and is no event.
pub(crate) fn reading_of_pages_takes_none() -> Outcome {
    let state = || (page_tracker().counters(), page_tracker().leaks().sequence(), free_pages());
    for path in
        ["/proc/pages", "/proc/page_owner", "/proc/pages_by_stack", "/proc/page_history", "/proc/allocinfo"]
    {
        let before = state();
        count_lines(path)?;
        if state() != before {
            log::error!("reading {path} took pages");
            return Err("reading about pages is an event");
        }
    }
    Ok(())
}
