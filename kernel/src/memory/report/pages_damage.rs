//! The report of a free page that was written to: found by its poison, when it is taken again.

use memstat::{Platform, Record};
use tally_heap::{PAGE_BYTES, POISON, PoisonDamage};

use super::call_stack::{Stacks, callers};
use super::corruption::show_page_life;
use crate::arch::VAddr;
use crate::memory::page_owners::owner_of;
use crate::memory::page_tracker::page_tracker;
use journal::Seconds;

/// Reports damage of a page. `damaged` pages were damaged so far; `frame_pointer` is the frame of the function that took
/// the page.
#[cold]
#[inline(never)]
pub(crate) fn report(damage: &PoisonDamage, damaged: u64, frame_pointer: VAddr) {
    let PoisonDamage { page, offset, seen } = damage;
    let address = page.start() as usize;
    log::error!(
        "pages: write to a free page: at offset {offset} of the page {address:#x}; expected {POISON:02x}, found {}",
        Bytes(seen)
    );
    let mut stacks = Stacks::new();
    if let Some((run, free)) = last_free(address) {
        show_page_life(&run, &free, &mut stacks);
    }
    // Who writes past the end of its own pages is often the one before.
    let before = owner_of(VAddr::from_usize(address - 1)).and_then(|owner| Some((owner, owner.record?)));
    if let Some((owner, record)) = before {
        let time = Seconds(page_tracker().platform().stamp_to_ns(record.stamp()));
        log::error!(
            "  the run of {} pages before it, taken for {} at {time} s by:",
            owner.pages,
            owner.purpose.map_or("nobody", |purpose| purpose.name()),
        );
        if let Some(stack) = page_tracker().stacks().get(record.stack()) {
            stacks.show_recorded(&stack);
        }
    }
    log::error!("  found by:");
    stacks.show(callers(frame_pointer));
    if damaged > 1 {
        log::error!("  {damaged} pages were damaged so far");
    }
}

/// The last run with this page that was freed, as far as that is remembered.
fn last_free(address: usize) -> Option<(Record, Record)> {
    const ORDERS: u32 = 11;
    (0..ORDERS).find_map(|order| {
        let start = address & !((PAGE_BYTES << order) - 1);
        let (run, free) = page_tracker().blocks().last_free(start)?;
        (address - start < run.size_bytes()).then_some((run, free))
    })
}

struct Bytes<'a>(&'a [u8]);

impl core::fmt::Display for Bytes<'_> {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (number, byte) in self.0.iter().enumerate() {
            write!(out, "{}{byte:02x}", if number == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
