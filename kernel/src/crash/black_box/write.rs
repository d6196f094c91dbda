//! Writes records.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use journal::record::{Ending, Figures, Head, KeptEvent, Writer};
use memstat::{GuardLevel, Level, Platform};

use crate::arch::{clock, cpu, guarded, rtc, stacks};
use crate::logger;
use crate::memory::heap::tracker;
use crate::memory::pages::persistent;
use crate::memory::try_pages;

/// Time between two records of a running kernel.
const EVERY_NS: u64 = 1_000_000_000;
/// Numbers of events and of lines of the log in a record.
const EVENTS: usize = 32;
const LOG_LINES: usize = 48;

/// Sequence number of the next record, and number of this boot.
static SEQUENCE: AtomicU64 = AtomicU64::new(0);
static BOOT: AtomicU32 = AtomicU32::new(1);
/// When the next record of a running kernel is due.
static DUE_NS: AtomicU64 = AtomicU64::new(0);

/// Continues the numbers of the last boot's record.
pub(super) fn count_on_from(sequence: u64, boot: u32) {
    SEQUENCE.store(sequence.wrapping_add(1), Ordering::Relaxed);
    BOOT.store(boot.wrapping_add(1), Ordering::Relaxed);
}

/// Writes a record if the last one is older than a second. Called when the kernel waits for input.
pub(crate) fn keep_if_due() {
    let now_ns = clock::uptime_ns();
    if now_ns >= DUE_NS.load(Ordering::Relaxed) {
        DUE_NS.store(now_ns.saturating_add(EVERY_NS), Ordering::Relaxed);
        keep(Ending::Running);
        // Addresses of blocks were read; their copies left on the stack would look like references to `leaks scan`.
        stacks::clear_unused();
    }
}

/// Writes a record of how the kernel ends.
pub(crate) fn keep_ending(ending: Ending) {
    keep(ending);
    cpu::write_back_caches();
}

#[inline(never)]
fn keep(ending: Ending) {
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    persistent::with_slot(sequence, |slot| {
        if let Some(mut writer) = Writer::begin(slot, &head(ending, sequence)) {
            add_rest(&mut writer);
            writer.seal();
        }
    });
}

/// Begins the record of a crash, into which the report is written. Called once, when no interrupted code continues.
pub(crate) fn begin_crash(ending: Ending) -> Option<Writer<'static>> {
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    Writer::begin(persistent::seize_slot(sequence)?, &head(ending, sequence))
}

/// Adds figures, events and log to the record of a crash, and ends it.
pub(crate) fn finish(mut writer: Writer<'static>) {
    add_rest(&mut writer);
    writer.seal();
    cpu::write_back_caches();
}

/// Adds a line to the record of a crash whose report has crashed too, and ends it.
pub(crate) fn append_to_crash(words: fmt::Arguments<'_>) {
    let sequence = SEQUENCE.load(Ordering::Relaxed).wrapping_sub(1);
    if let Some(mut writer) = persistent::seize_slot(sequence).and_then(Writer::resume) {
        // Writing does not fail.
        let _ = writer.write_fmt(words);
        writer.seal();
        cpu::write_back_caches();
    }
}

fn head(ending: Ending, sequence: u64) -> Head {
    let uptime_ns = clock::uptime_ns();
    let boot_seconds = rtc::boot_seconds();
    let date_seconds = if boot_seconds == 0 { 0 } else { boot_seconds + uptime_ns / 1_000_000_000 };
    Head {
        ending,
        sequence,
        build: super::build(),
        boot: BOOT.load(Ordering::Relaxed),
        uptime_ns,
        date_seconds,
    }
}

fn add_rest(writer: &mut Writer<'_>) {
    let (total_pages, free_pages) = try_pages().unwrap_or_default();
    let mut figures =
        Figures { total_pages: total_pages as u64, free_pages: free_pages as u64, ..Figures::default() };
    // Guarded: after a crash the tracker's tables may be in any state.
    let Ok(Some(snapshot)) = guarded::call(|| tracker().try_snapshot::<EVENTS>()) else {
        writer.set_figures(&figures, u8::MAX, u8::MAX);
        return add_log(writer);
    };
    let counters = &snapshot.counters;
    (figures.live_blocks, figures.live_bytes) = (counters.live_blocks, counters.live_bytes);
    (figures.allocations, figures.frees) = (counters.allocations, counters.frees);
    (figures.failures, figures.bad_frees) = (counters.failures, counters.bad_frees);
    figures.events = snapshot.written;
    let level = Level::ALL.iter().position(|level| *level == snapshot.level).unwrap_or(0);
    let guard = GuardLevel::ALL.iter().position(|guard| *guard == snapshot.guard).unwrap_or(0);
    writer.set_figures(&figures, level as u8, guard as u8);
    for (event, caller) in snapshot.events() {
        let record = event.record();
        writer.push_event(&KeptEvent {
            sequence: record.sequence(),
            time_ns: tracker().platform().stamp_to_ns(record.stamp()),
            address: record.address() as u64,
            size_bytes: record.size_bytes() as u64,
            caller: caller.unwrap_or(0) as u64,
            kind: event.kind() as u8,
        });
    }
    add_log(writer);
}

fn add_log(writer: &mut Writer<'_>) {
    logger::try_for_last(LOG_LINES, |entry| writer.push_line(entry.time_ns, &entry.text));
}
