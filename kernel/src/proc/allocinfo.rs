//! `/proc/allocinfo`: what is live by call site, blocks and pages, in the format of Linux's memory allocation profiling.
//!
//! Source: Linux, Documentation/filesystems/proc.rst and Documentation/mm/allocation-profiling.rst, and
//! `lib/alloc_tag.c` for the format.

use core::fmt::{self, Write};

use arrayvec::ArrayVec;
use vfs::Table;

use crate::arch::VAddr;
use crate::memory::ledger::Ledger;
use crate::symbols;

/// Pages are counted where they are taken, as in Linux: those of the heap by the heap's own functions.
const LEDGERS: [Ledger; 2] = [Ledger::Blocks, Ledger::Pages];
/// Sites written at once, of the lowest addresses that are left.
const SITES_AT_ONCE: usize = 64;

/// The file.
pub(super) struct AllocInfo;

/// What is live of a call site.
#[derive(Clone, Copy, Default)]
struct Site {
    return_address: usize,
    bytes: u64,
    blocks: u64,
}

impl Table for AllocInfo {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "allocinfo - version: 1.0")?;
        writeln!(out, "#     <size>  <calls> <tag info>")
    }

    /// The cursor is the address of the first site.
    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        let (sites, all) = sum_up(cursor as usize);
        for site in &sites {
            write_site(site, out)?;
        }
        if let Some(last) = sites.last().filter(|_| sites.is_full()) {
            return Ok(Some(last.return_address as u64 + 1));
        }
        let [blocks, pages] = LEDGERS.map(Ledger::counters);
        let bytes = (blocks.live_bytes + pages.live_bytes).saturating_sub(all.bytes);
        let blocks = (blocks.recorded_blocks() + pages.recorded_blocks()).saturating_sub(all.blocks);
        writeln!(out, "{bytes:12} {blocks:8} <unknown>:0 func:none ")?;
        Ok(None)
    }
}

/// The first sites from an address on, in the order of addresses, and the sum of all there are.
fn sum_up(from: usize) -> (ArrayVec<Site, SITES_AT_ONCE>, Site) {
    let mut sites = ArrayVec::<Site, SITES_AT_ONCE>::new();
    let mut all = Site::default();
    let numbers =
        LEDGERS.into_iter().flat_map(|ledger| (1..=ledger.stack_count()).map(move |number| (ledger, number)));
    for (ledger, number) in numbers {
        let Some(stack) = ledger.stack(number) else { continue };
        let (bytes, blocks) = (stack.live_bytes, u64::from(stack.live_blocks));
        (all.bytes, all.blocks) = (all.bytes + bytes, all.blocks + blocks);
        let return_address = stack.frames().first().copied().unwrap_or(0);
        if return_address < from {
            continue;
        }
        match sites.binary_search_by_key(&return_address, |site| site.return_address) {
            Ok(known) => {
                if let Some(site) = sites.get_mut(known) {
                    (site.bytes, site.blocks) = (site.bytes + bytes, site.blocks + blocks);
                }
            }
            Err(place) if place < SITES_AT_ONCE => {
                if sites.is_full() {
                    sites.pop();
                }
                sites.insert(place, Site { return_address, bytes, blocks });
            }
            Err(_) => {}
        }
    }
    (sites, all)
}

fn write_site(site: &Site, out: &mut dyn Write) -> fmt::Result {
    let Site { return_address, bytes, blocks } = *site;
    write!(out, "{bytes:12} {blocks:8} ")?;
    let Some(frame) = symbols::site(VAddr::from_usize(return_address)) else {
        return writeln!(out, "??:0 func:{return_address:#x} ");
    };
    match (frame.path.is_empty(), frame.offset) {
        (true, Some(offset)) => writeln!(out, "??:0 func:{}+{offset:#x} ", frame.bare_name()),
        (true, None) => writeln!(out, "??:0 func:{} ", frame.bare_name()),
        _ => {
            let crate_name = frame.crate_name();
            writeln!(out, "{}:{} [{crate_name}] func:{} ", frame.path, frame.line, frame.bare_name())
        }
    }
}
