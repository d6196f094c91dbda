//! Red zones around a block and poison in it: written and compared a word at a time.
//!
//! The rear red zone starts directly after the requested size, whatever the alignment. The block's record says which
//! red zones it has.

use core::alloc::Layout;

use crate::corruption::{Corruption, CorruptionKind};
use crate::record::{Guarding, Record};

/// The value of each byte of a red zone.
pub(crate) const ZONE: u8 = 0xcc;
/// The value of each byte of a fresh block.
pub(crate) const FRESH: u8 = 0x5a;
/// The value of each byte of a freed block.
pub(crate) const FREED: u8 = 0x6b;
/// Larger blocks are neither poisoned nor put in quarantine, which bounds the time of an operation.
pub(crate) const MAX_POISON_BYTES: usize = 64 << 10;

/// Larger blocks are left to the slow path.
const MAX_SMALL_BYTES: usize = 4096;

const WORD: usize = size_of::<u64>();
/// Bytes between the backend's block and the caller's, unless the alignment is larger.
pub(crate) const MIN_FRONT_BYTES: usize = 16;
/// Blocks with a larger alignment have no front red zone: it would take as many bytes as the alignment.
pub(crate) const MAX_FRONT_BYTES: usize = 4096;
/// Bytes of the rear red zone.
const REAR_BYTES: usize = 16;

/// Bytes between the start of the backend's block and the caller's.
#[inline]
pub(crate) fn front_bytes(guarding: Guarding, align_bytes: usize) -> usize {
    if guarding == Guarding::BothRedZones { align_bytes.max(MIN_FRONT_BYTES) } else { 0 }
}

/// The guards that a block with this alignment can have, out of those that are wanted.
#[inline]
pub(crate) fn possible(wanted: Guarding, align_bytes: usize) -> Guarding {
    if wanted == Guarding::BothRedZones && align_bytes > MAX_FRONT_BYTES {
        Guarding::RearRedZone
    } else {
        wanted
    }
}

/// The layout of the backend's block, red zones included. `None` if it would be too large.
#[inline]
pub(crate) fn backend_layout(guarding: Guarding, layout: Layout) -> Option<Layout> {
    match guarding {
        Guarding::None | Guarding::Sampled => Some(layout),
        Guarding::RearRedZone => {
            Layout::from_size_align(layout.size().checked_add(REAR_BYTES)?, layout.align()).ok()
        }
        Guarding::BothRedZones => {
            let align_bytes = layout.align().max(MIN_FRONT_BYTES);
            Layout::from_size_align(layout.size().checked_add(align_bytes + REAR_BYTES)?, align_bytes).ok()
        }
    }
}

/// Writes the red zones around a block. The block's own bytes are not touched.
///
/// # Safety
///
/// The block has memory for the red zones that the record says, and nobody else uses it.
#[inline]
pub(crate) unsafe fn write(record: &Record) {
    // SAFETY: upheld by the caller.
    unsafe { write_as(record.guarding(), record.address() as *mut u8, record.size_bytes()) };
}

/// As [`write()`], for a block with these guards, start and size.
///
/// # Safety
///
/// As for [`write()`].
#[inline]
pub(crate) unsafe fn write_as(guarding: Guarding, start: *mut u8, size_bytes: usize) {
    if !guarding.has_red_zones() {
        return;
    }
    // SAFETY: upheld by the caller.
    unsafe {
        write_two_words(start.wrapping_add(size_bytes));
        if guarding == Guarding::BothRedZones {
            write_two_words(start.wrapping_sub(MIN_FRONT_BYTES));
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
    // SAFETY: upheld by the caller.
    unsafe { are_intact_as(record.guarding(), record.address() as *const u8, record.size_bytes()) }
}

/// As [`are_intact`], for a block with these guards, start and size.
///
/// # Safety
///
/// As for [`write()`].
#[inline]
pub(crate) unsafe fn are_intact_as(guarding: Guarding, start: *const u8, size_bytes: usize) -> bool {
    if !guarding.has_red_zones() {
        return true;
    }
    // SAFETY: upheld by the caller.
    unsafe {
        let rear = differ_two_words(start.wrapping_add(size_bytes));
        let front = match guarding {
            Guarding::BothRedZones => differ_two_words(start.wrapping_sub(MIN_FRONT_BYTES)),
            _ => 0,
        };
        rear | front == 0
    }
}

const ZONE_WORD: u64 = u64::from_ne_bytes([ZONE; WORD]);

/// # Safety
///
/// Two words at `at` belong to the caller.
#[inline]
unsafe fn write_two_words(at: *mut u8) {
    // SAFETY: upheld by the caller; an unaligned write needs no alignment.
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
    // SAFETY: upheld by the caller; an unaligned read needs no alignment.
    unsafe {
        let first = at.cast::<u64>().read_unaligned();
        let second = at.wrapping_add(WORD).cast::<u64>().read_unaligned();
        (first ^ ZONE_WORD) | (second ^ ZONE_WORD)
    }
}

/// Words that are written or compared in one step of a loop.
const STEP: usize = 4;
const STEP_BYTES: usize = STEP * WORD;

/// Fills `size_bytes` bytes from `start` on with `byte`.
///
/// # Safety
///
/// These bytes belong to the caller.
#[inline]
pub(crate) unsafe fn fill(start: *mut u8, size_bytes: usize, byte: u8) {
    let word = u64::from_ne_bytes([byte; WORD]);
    if size_bytes < STEP_BYTES {
        // SAFETY: upheld by the caller.
        unsafe { fill_small(start, size_bytes, word) };
        return;
    }
    let last = start.wrapping_add(size_bytes - STEP_BYTES);
    let mut at = start;
    // SAFETY: upheld by the caller; no step reaches past the last one, which ends with the block and may overlap the
    // one before it.
    unsafe {
        while at < last {
            at.cast::<[u64; STEP]>().write_unaligned([word; STEP]);
            at = at.wrapping_add(STEP_BYTES);
        }
        last.cast::<[u64; STEP]>().write_unaligned([word; STEP]);
    }
}

/// As [`fill`], for slow paths: compiled once, and called.
///
/// # Safety
///
/// As for [`fill`].
#[inline(never)]
pub(crate) unsafe fn fill_slowly(start: *mut u8, size_bytes: usize, byte: u8) {
    // SAFETY: upheld by the caller.
    unsafe { fill(start, size_bytes, byte) };
}

/// # Safety
///
/// As for [`fill`].
#[inline]
unsafe fn fill_small(start: *mut u8, size_bytes: usize, word: u64) {
    let end = start.wrapping_add(size_bytes);
    let mut at = start;
    // SAFETY: upheld by the caller.
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

/// Whether each of the `size_bytes` bytes from `start` on is `byte`.
///
/// # Safety
///
/// These bytes can be read.
#[inline]
pub(crate) unsafe fn is_full_of(start: *const u8, size_bytes: usize, byte: u8) -> bool {
    let word = u64::from_ne_bytes([byte; WORD]);
    if size_bytes < STEP_BYTES {
        // SAFETY: upheld by the caller.
        return unsafe { is_small_full_of(start, size_bytes, word) };
    }
    let last = start.wrapping_add(size_bytes - STEP_BYTES);
    let mut at = start;
    let mut differ = 0;
    // SAFETY: upheld by the caller.
    unsafe {
        while at < last {
            differ |= differ_in_step(at, word);
            at = at.wrapping_add(STEP_BYTES);
        }
        differ |= differ_in_step(last, word);
    }
    differ == 0
}

/// As [`is_full_of`], for slow paths: compiled once, and called.
///
/// # Safety
///
/// As for [`is_full_of`].
#[inline(never)]
pub(crate) unsafe fn is_full_of_slowly(start: *const u8, size_bytes: usize, byte: u8) -> bool {
    // SAFETY: upheld by the caller.
    unsafe { is_full_of(start, size_bytes, byte) }
}

/// The bits in which the words of a step differ from `word`.
///
/// # Safety
///
/// [`STEP_BYTES`] bytes at `at` can be read.
#[inline]
unsafe fn differ_in_step(at: *const u8, word: u64) -> u64 {
    // SAFETY: upheld by the caller.
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
    // SAFETY: upheld by the caller.
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

/// The layout of the backend's block for a small block with an alignment of at most 16, and the bytes before the
/// caller's block. `None` for other blocks, which take the slow path.
#[inline]
pub(crate) fn small_layout(guarding: Guarding, layout: Layout) -> Option<(Layout, usize)> {
    if layout.size() > MAX_SMALL_BYTES || layout.align() > MIN_FRONT_BYTES {
        return None;
    }
    let has_front = guarding == Guarding::BothRedZones;
    let (front_bytes, align_bytes) =
        if has_front { (MIN_FRONT_BYTES, MIN_FRONT_BYTES) } else { (0, layout.align()) };
    let size_bytes = front_bytes + layout.size() + REAR_BYTES;
    // SAFETY: the alignment is a valid layout's or 16, and the size is far below `isize::MAX`.
    Some((unsafe { Layout::from_size_align_unchecked(size_bytes, align_bytes) }, front_bytes))
}

/// Reports each red zone of a block that is not intact to `found`, and writes the red zones again.
///
/// # Safety
///
/// As for [`write()`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn describe(record: &Record, free: Option<&Record>, found: &mut dyn FnMut(Corruption)) {
    let (start, size_bytes) = (record.address() as *const u8, record.size_bytes());
    let has_front = record.guarding() == Guarding::BothRedZones;
    let zones = [
        (has_front, CorruptionKind::Underrun, -(MIN_FRONT_BYTES as isize), MIN_FRONT_BYTES),
        (record.guarding().has_red_zones(), CorruptionKind::Overrun, size_bytes as isize, REAR_BYTES),
    ];
    for (_, kind, offset, zone_bytes) in zones.into_iter().filter(|(is_there, ..)| *is_there) {
        // SAFETY: upheld by the caller.
        unsafe {
            describe_part(record, free, kind, (start.wrapping_offset(offset), zone_bytes, ZONE), found);
        };
    }
    // SAFETY: upheld by the caller.
    unsafe { write(record) };
}

/// Reports the first of `size_bytes` bytes from `start` on that is not `expected` to `found`, if there is one.
///
/// # Safety
///
/// These bytes can be read.
#[cold]
#[inline(never)]
pub(crate) unsafe fn describe_part(
    record: &Record,
    free: Option<&Record>,
    kind: CorruptionKind,
    (start, size_bytes, expected): (*const u8, usize, u8),
    found: &mut dyn FnMut(Corruption),
) {
    // SAFETY: upheld by the caller; nothing is written while the slice is used.
    let bytes = unsafe { core::slice::from_raw_parts(start, size_bytes) };
    let Some(first) = bytes.iter().position(|byte| *byte != expected) else { return };
    let offset = start as isize - record.address() as isize + first as isize;
    let wrong = bytes.get(first..).unwrap_or_default();
    found(Corruption::new(kind, record, free, offset, (wrong, expected)));
}
