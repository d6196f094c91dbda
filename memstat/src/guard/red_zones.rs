//! Red zones around a block and poison in it: written and compared a word at a time.
//!
//! The red zone behind a block starts right at the requested size. The block's record says which red zones it
//! has, so their contents follow from it.

use core::alloc::Layout;

use crate::corruption::{Corruption, CorruptionKind};
use crate::record::{Guarding, Record};

/// The bytes of a red zone.
pub(crate) const ZONE: u8 = 0xcc;
/// What a fresh block holds.
pub(crate) const FRESH: u8 = 0x5a;
/// What a freed block holds.
pub(crate) const FREED: u8 = 0x6b;
/// Larger blocks get no poison, and are not put in quarantine: so that no operation takes too long.
pub(crate) const MAX_POISON_BYTES: usize = 64 << 10;

/// Larger blocks are left to the slow path.
const MAX_SMALL_BYTES: usize = 4096;

const WORD: usize = size_of::<u64>();
/// Bytes before a block, unless its alignment is larger.
const FRONT_BYTES: usize = 16;
/// From this alignment on there is no zone before a block: it would have to be as large.
pub(crate) const MAX_FRONT_BYTES: usize = 4096;
/// Bytes behind a block.
const REAR_BYTES: usize = 16;

/// Bytes between the start of the backend's block and the caller's.
#[inline]
pub(crate) fn front_bytes(guarding: Guarding, align_bytes: usize) -> usize {
    if guarding == Guarding::BothRedZones { align_bytes.max(FRONT_BYTES) } else { 0 }
}

/// The guards that a block of an alignment can have, of those that are wanted.
#[inline]
pub(crate) fn possible(wanted: Guarding, align_bytes: usize) -> Guarding {
    if wanted == Guarding::BothRedZones && align_bytes > MAX_FRONT_BYTES {
        Guarding::RearRedZone
    } else {
        wanted
    }
}

/// What the backend is asked for. `None` if there is no such layout.
#[inline]
pub(crate) fn backend_layout(guarding: Guarding, layout: Layout) -> Option<Layout> {
    match guarding {
        Guarding::None | Guarding::Sampled => Some(layout),
        Guarding::RearRedZone => {
            Layout::from_size_align(layout.size().checked_add(REAR_BYTES)?, layout.align()).ok()
        }
        Guarding::BothRedZones => {
            let align_bytes = layout.align().max(FRONT_BYTES);
            Layout::from_size_align(layout.size().checked_add(align_bytes + REAR_BYTES)?, align_bytes).ok()
        }
    }
}

/// Writes the red zones around a block, but not what is in it.
///
/// # Safety
///
/// The block of this record has the red zones that it says, and nobody else uses them.
#[inline]
pub(crate) unsafe fn write(record: &Record) {
    // SAFETY: handed on to the caller.
    unsafe { write_as(record.guarding(), record.address() as *mut u8, record.size_bytes()) };
}

/// The same, for a block of which the guards are known.
///
/// # Safety
///
/// As for [`write()`].
#[inline]
pub(crate) unsafe fn write_as(guarding: Guarding, start: *mut u8, size_bytes: usize) {
    if !guarding.has_red_zones() {
        return;
    }
    // SAFETY: handed on to the caller.
    unsafe {
        write_two_words(start.wrapping_add(size_bytes));
        if guarding == Guarding::BothRedZones {
            write_two_words(start.wrapping_sub(FRONT_BYTES));
        }
    }
}

/// Whether the red zones around a block are intact.
///
/// # Safety
///
/// As for [`write()`].
#[inline]
pub(crate) unsafe fn are_intact(record: &Record) -> bool {
    // SAFETY: handed on to the caller.
    unsafe { are_intact_as(record.guarding(), record.address() as *const u8, record.size_bytes()) }
}

/// The same, for a block of which the guards are known.
///
/// # Safety
///
/// As for [`write()`].
#[inline]
pub(crate) unsafe fn are_intact_as(guarding: Guarding, start: *const u8, size_bytes: usize) -> bool {
    if !guarding.has_red_zones() {
        return true;
    }
    // SAFETY: handed on to the caller.
    unsafe {
        let rear = differ_two_words(start.wrapping_add(size_bytes));
        let front = match guarding {
            Guarding::BothRedZones => differ_two_words(start.wrapping_sub(FRONT_BYTES)),
            _ => 0,
        };
        rear | front == 0
    }
}

const ZONE_WORD: u64 = u64::from_ne_bytes([ZONE; WORD]);

/// # Safety
///
/// Two words there are the caller's.
#[inline]
unsafe fn write_two_words(at: *mut u8) {
    // SAFETY: handed on to the caller; alignment is not asked for.
    unsafe {
        at.cast::<u64>().write_unaligned(ZONE_WORD);
        at.wrapping_add(WORD).cast::<u64>().write_unaligned(ZONE_WORD);
    }
}

/// The bits in which two words differ from a red zone's.
///
/// # Safety
///
/// As for [`write_two_words`].
#[inline]
unsafe fn differ_two_words(at: *const u8) -> u64 {
    // SAFETY: handed on to the caller; alignment is not asked for.
    unsafe {
        let first = at.cast::<u64>().read_unaligned();
        let second = at.wrapping_add(WORD).cast::<u64>().read_unaligned();
        (first ^ ZONE_WORD) | (second ^ ZONE_WORD)
    }
}

/// Words that are filled or compared between two checks for the end.
const STEP: usize = 4;
const STEP_BYTES: usize = STEP * WORD;

/// Fills a block with a byte.
///
/// # Safety
///
/// So many bytes there are the caller's.
#[inline]
pub(crate) unsafe fn fill(start: *mut u8, size_bytes: usize, byte: u8) {
    let word = u64::from_ne_bytes([byte; WORD]);
    if size_bytes < STEP_BYTES {
        // SAFETY: handed on to the caller.
        unsafe { fill_small(start, size_bytes, word) };
        return;
    }
    let last = start.wrapping_add(size_bytes - STEP_BYTES);
    let mut at = start;
    // SAFETY: handed on to the caller: each step ends before the last one does, which may overlap the one before it.
    unsafe {
        while at < last {
            at.cast::<[u64; STEP]>().write_unaligned([word; STEP]);
            at = at.wrapping_add(STEP_BYTES);
        }
        last.cast::<[u64; STEP]>().write_unaligned([word; STEP]);
    }
}

/// # Safety
///
/// As for [`fill`].
#[inline]
unsafe fn fill_small(start: *mut u8, size_bytes: usize, word: u64) {
    let end = start.wrapping_add(size_bytes);
    let mut at = start;
    // SAFETY: handed on to the caller.
    unsafe {
        while end as usize - at as usize >= WORD {
            at.cast::<u64>().write_unaligned(word);
            at = at.wrapping_add(WORD);
        }
        while at < end {
            at.write(word as u8);
            at = at.wrapping_add(1);
        }
    }
}

/// Whether a block is full of a byte.
///
/// # Safety
///
/// So many bytes there can be read.
#[inline]
pub(crate) unsafe fn is_full_of(start: *const u8, size_bytes: usize, byte: u8) -> bool {
    let word = u64::from_ne_bytes([byte; WORD]);
    if size_bytes < STEP_BYTES {
        // SAFETY: handed on to the caller.
        return unsafe { is_small_full_of(start, size_bytes, word) };
    }
    let last = start.wrapping_add(size_bytes - STEP_BYTES);
    let mut at = start;
    let mut differ = 0;
    // SAFETY: handed on to the caller.
    unsafe {
        while at < last {
            differ |= differ_in_step(at, word);
            at = at.wrapping_add(STEP_BYTES);
        }
        differ |= differ_in_step(last, word);
    }
    differ == 0
}

/// The bits in which the words of a step differ from one.
///
/// # Safety
///
/// So many bytes there can be read.
#[inline]
unsafe fn differ_in_step(at: *const u8, word: u64) -> u64 {
    // SAFETY: handed on to the caller.
    let [a, b, c, d] = unsafe { at.cast::<[u64; STEP]>().read_unaligned() };
    (a ^ word) | (b ^ word) | (c ^ word) | (d ^ word)
}

/// # Safety
///
/// As for [`is_full_of`].
#[inline]
unsafe fn is_small_full_of(start: *const u8, size_bytes: usize, word: u64) -> bool {
    let end = start.wrapping_add(size_bytes);
    let mut at = start;
    let mut differ = 0;
    // SAFETY: handed on to the caller.
    unsafe {
        while end as usize - at as usize >= WORD {
            differ |= at.cast::<u64>().read_unaligned() ^ word;
            at = at.wrapping_add(WORD);
        }
        while at < end {
            differ |= u64::from(at.read() ^ word as u8);
            at = at.wrapping_add(1);
        }
    }
    differ == 0
}

/// What the backend is asked for, for a small block of an alignment of at most 16: the layout, and the bytes before the
/// caller's block. `None` for other blocks: the fast path leaves them to the slow one.
#[inline]
pub(crate) fn small_layout(guarding: Guarding, layout: Layout) -> Option<(Layout, usize)> {
    if layout.size() > MAX_SMALL_BYTES || layout.align() > FRONT_BYTES {
        return None;
    }
    let has_front = guarding == Guarding::BothRedZones;
    let (front_bytes, align_bytes) = if has_front { (FRONT_BYTES, FRONT_BYTES) } else { (0, layout.align()) };
    let size_bytes = front_bytes + layout.size() + REAR_BYTES;
    // SAFETY: the alignment is a layout's or 16, and the size is small.
    Some((unsafe { Layout::from_size_align_unchecked(size_bytes, align_bytes) }, front_bytes))
}

/// Hands each zone of a block that is not whole to `found`, and writes it anew.
///
/// # Safety
///
/// As for [`write()`].
pub(crate) unsafe fn describe(record: &Record, free: Option<&Record>, mut found: impl FnMut(Corruption)) {
    let (start, size_bytes) = (record.address() as *const u8, record.size_bytes());
    let front_is_there = record.guarding() == Guarding::BothRedZones;
    let zones = [
        (front_is_there, CorruptionKind::Underrun, -(FRONT_BYTES as isize), FRONT_BYTES),
        (record.guarding().has_red_zones(), CorruptionKind::Overrun, size_bytes as isize, REAR_BYTES),
    ];
    for (_, kind, offset, zone_bytes) in zones.into_iter().filter(|(is_there, ..)| *is_there) {
        // SAFETY: handed on to the caller.
        unsafe {
            describe_part(record, free, kind, (start.wrapping_offset(offset), zone_bytes, ZONE), &mut found);
        };
    }
    // SAFETY: handed on to the caller.
    unsafe { write(record) };
}

/// Hands the first byte in a piece of memory that is not as expected to `found`, if there is one.
///
/// # Safety
///
/// So many bytes there can be read.
pub(crate) unsafe fn describe_part(
    record: &Record,
    free: Option<&Record>,
    kind: CorruptionKind,
    (start, size_bytes, expected): (*const u8, usize, u8),
    found: &mut impl FnMut(Corruption),
) {
    // SAFETY: handed on to the caller; the slice is gone before anything is written.
    let bytes = unsafe { core::slice::from_raw_parts(start, size_bytes) };
    let Some(first) = bytes.iter().position(|byte| *byte != expected) else { return };
    let offset = start as isize - record.address() as isize + first as isize;
    let wrong = bytes.get(first..).unwrap_or_default();
    found(Corruption::new(kind, record, free, offset, (wrong, expected)));
}
