//! The record of one live block: 32 bytes.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::counters::MAX_CPUS;
use crate::platform::{Platform, STAMP_STEP};
use crate::reach::{Mark, Reach};

/// What is known of one live block.
///
/// Four words: address; size (48 bits), guards (2), logarithm of the alignment (6), results of leak scans (4), CPU (4);
/// the sequence number's lower 48 bits, task (16); the clock stamp's upper 48 bits, number of the call stack (16).
///
/// Stamps never wrap, as their upper bits are kept, see [`Platform::stamp`]. Sequence numbers wrap after 2^48 events (326
/// days at ten million events per second), so they are compared by [`Record::is_newer_than`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    words: [u64; 4],
}

const _: () = assert!(size_of::<Record>() == 32);

/// How a block is guarded. It is kept in the record, as the level may change while the block is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Guarding {
    None,
    /// By a red zone after it.
    RearRedZone,
    /// By red zones before and after it.
    BothRedZones,
    /// By guard pages around its page: it is in the pool.
    Sampled,
}

impl Guarding {
    /// Whether the block has a rear red zone, at least.
    #[inline]
    pub(crate) fn has_red_zones(self) -> bool {
        matches!(self, Self::RearRedZone | Self::BothRedZones)
    }
}

/// The bits of a sequence number that a record keeps.
const SEQUENCE_BITS: u64 = (1 << 48) - 1;
/// The bits of a stamp that a record keeps.
const STAMP_BITS: u64 = !(STAMP_STEP - 1);
/// Maximum number of events between reading the latest sequence number and reading a record.
const MAX_LATER_EVENTS: u64 = 1 << 32;

const GUARDING_SHIFT: u32 = 14;
const MARK_SHIFT: u32 = 4;
const CPU_BITS: u64 = MAX_CPUS as u64 - 1;

const _: () = assert!(CPU_BITS < 1 << MARK_SHIFT && MARK_SHIFT + Mark::BITS == 8);

/// When, where and by whom a block was allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The sequence number of the event, counted from 1.
    pub(crate) sequence: u64,
    /// The platform's clock at that time.
    pub(crate) stamp: u64,
    /// The CPU that asked.
    pub(crate) cpu: u8,
    /// The task that asked.
    pub(crate) task: u16,
    /// The call stack's number, 0 when none was recorded.
    pub(crate) stack: u16,
}

impl Origin {
    /// An event at this time, on this CPU, by this task.
    #[inline]
    pub(crate) fn now(sequence: u64, stack: u16, platform: &impl Platform) -> Self {
        Self { sequence, stamp: platform.stamp(), cpu: platform.cpu(), task: platform.task(), stack }
    }
}

impl Record {
    /// A record that stands for no block.
    pub const EMPTY: Self = Self { words: [0; 4] };

    /// Makes it a record that stands for no block, as its address says; it keeps a number.
    #[inline]
    pub(crate) fn vacate(&mut self, number: u32) {
        self.words[0] = 0;
        self.words[1] = number.into();
    }

    /// The number that [`Record::vacate`] was given.
    #[inline]
    pub(crate) fn number_of_vacant(&self) -> u32 {
        self.words[1] as u32
    }

    /// The record of a block at `pointer`.
    #[inline]
    pub(crate) fn new(pointer: NonNull<u8>, layout: Layout, origin: &Origin) -> Self {
        Self::at(pointer.as_ptr() as usize, layout, origin)
    }

    /// The record of an address, whether a block starts there or not.
    #[inline]
    pub(crate) fn at(address: usize, layout: Layout, origin: &Origin) -> Self {
        let align_log2 = u64::from(layout.align().trailing_zeros());
        Self {
            words: [
                address as u64,
                (layout.size() as u64) << 16 | align_log2 << 8 | u64::from(origin.cpu) & CPU_BITS,
                origin.sequence << 16 | u64::from(origin.task),
                origin.stamp & STAMP_BITS | u64::from(origin.stack),
            ],
        }
    }

    /// The record with these guards; it must have had none.
    #[inline]
    pub(crate) fn with_guarding(mut self, guarding: Guarding) -> Self {
        self.words[1] |= (guarding as u64) << GUARDING_SHIFT;
        self
    }

    /// Sets the guards; there must have been none.
    #[inline]
    pub(crate) fn set_guarding(&mut self, guarding: Guarding) {
        *self = self.with_guarding(guarding);
    }

    /// How the block is guarded.
    #[inline]
    pub(crate) fn guarding(&self) -> Guarding {
        match self.words[1] >> GUARDING_SHIFT & 3 {
            0 => Guarding::None,
            1 => Guarding::RearRedZone,
            2 => Guarding::BothRedZones,
            _ => Guarding::Sampled,
        }
    }

    /// Whether the block has exactly these guards.
    #[inline]
    pub(crate) fn is_guarded_as(&self, guarding: Guarding) -> bool {
        self.words[1] >> GUARDING_SHIFT & 3 == guarding as u64
    }

    /// Where the block starts.
    #[inline]
    pub fn address(&self) -> usize {
        self.words[0] as usize
    }

    /// The size that was requested, in bytes.
    #[inline]
    pub fn size_bytes(&self) -> usize {
        (self.words[1] >> 16) as usize
    }

    /// The alignment that was requested, in bytes.
    #[inline]
    pub fn align_bytes(&self) -> usize {
        1 << ((self.words[1] >> 8) & 0x3f)
    }

    /// The layout that was requested.
    #[inline]
    pub fn layout(&self) -> Layout {
        // SAFETY: both were taken from a valid layout, or from a size that was valid with this alignment; the
        // fields are private.
        unsafe { Layout::from_size_align_unchecked(self.size_bytes(), self.align_bytes()) }
    }

    /// Whether `layout` is the one that was requested.
    #[inline]
    pub(crate) fn has_layout(&self, layout: Layout) -> bool {
        self.size_bytes() == layout.size() && self.align_bytes() == layout.align()
    }

    /// The record of the same block and stack at another event, with `code` in the alignment field.
    #[inline]
    pub(crate) fn at_event(&self, code: u64, origin: &Origin) -> Self {
        let [block, size, _, stamped] = self.words;
        Self {
            words: [
                block,
                (size & !0xffff) | code << 8 | u64::from(origin.cpu) & CPU_BITS,
                origin.sequence << 16 | u64::from(origin.task),
                origin.stamp & STAMP_BITS | (stamped & 0xffff),
            ],
        }
    }

    /// The record with `code` in the alignment field.
    #[inline]
    pub(crate) fn with_code(&self, code: u64) -> Self {
        let [block, size, numbered, stamped] = self.words;
        Self { words: [block, (size & !0xff00) | code << 8, numbered, stamped] }
    }

    /// The record without its call stack.
    pub(crate) fn without_stack(mut self) -> Self {
        self.words[3] &= !0xffff;
        self
    }

    /// The sequence number of the event that allocated the block, modulo 2^48.
    #[inline]
    pub fn sequence(&self) -> u64 {
        self.words[2] >> 16
    }

    /// Whether the block was allocated after the event with the number `sequence`. `latest` is the number of the last
    /// event, read before or after the record. The result is right until 2^48 - 2^32 events have followed the block's
    /// allocation; an older block may count as newer than it is.
    pub fn is_newer_than(&self, sequence: u64, latest: u64) -> bool {
        self.full_sequence(latest) > sequence
    }

    /// The whole sequence number, with the limits of [`Record::is_newer_than`].
    pub(crate) fn full_sequence(&self, latest: u64) -> u64 {
        let highest = latest.saturating_add(MAX_LATER_EVENTS);
        let below_highest = highest.wrapping_sub(self.sequence()) & SEQUENCE_BITS;
        highest.checked_sub(below_highest).unwrap_or(self.sequence())
    }

    /// The platform's clock at the allocation, rounded down to a multiple of [`STAMP_STEP`].
    pub fn stamp(&self) -> u64 {
        self.words[3] & STAMP_BITS
    }

    /// The number of the CPU that allocated the block, modulo [`MAX_CPUS`].
    pub fn cpu(&self) -> u8 {
        (self.words[1] & CPU_BITS) as u8
    }

    /// The result of scans for leaks.
    #[inline]
    pub fn reach(&self) -> Reach {
        self.mark().reach
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark::from_bits(self.words[1] as u8 >> MARK_SHIFT)
    }

    #[inline]
    pub(crate) fn set_mark(&mut self, mark: Mark) {
        self.words[1] = (self.words[1] & !0xf0) | u64::from(mark.bits()) << MARK_SHIFT;
    }

    /// The task that allocated the block.
    pub fn task(&self) -> u16 {
        self.words[2] as u16
    }

    /// The call stack's number, 0 when none was recorded.
    #[inline]
    pub fn stack(&self) -> u16 {
        self.words[3] as u16
    }

    /// Sets the size and the call stack, as after a reallocation in place.
    pub(crate) fn set_size_and_stack(&mut self, size_bytes: usize, stack: u16) {
        self.words[1] = (size_bytes as u64) << 16 | (self.words[1] & 0xffff);
        self.words[3] = (self.words[3] & !0xffff) | u64::from(stack);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: u64, stamp: u64) -> Record {
        Record::at(0x1000, Layout::new::<u64>(), &Origin { sequence, stamp, cpu: 0, task: 7, stack: 9 })
    }

    #[test]
    fn stamps_keep_their_order_up_to_the_last() {
        let stamps = [0, STAMP_STEP, 1 << 48, (1 << 48) + STAMP_STEP, 1 << 63, STAMP_BITS];
        assert!(stamps.iter().all(|stamp| record(1, *stamp).stamp() == *stamp));
        let latest = record(1, u64::MAX);
        assert_eq!((latest.stamp(), latest.stack(), latest.task()), (STAMP_BITS, 9, 7));
    }

    #[test]
    fn a_raw_counter_of_64_bits_is_kept_for_years_to_a_step() {
        let per_day = 5_000_000_000 * 86_400;
        let mut before = 0;
        for day in 1..=36_500 {
            let stamp = day * per_day + 12_345;
            let kept = record(1, stamp).stamp();
            assert!(kept > before && stamp - kept < STAMP_STEP, "day {day}");
            before = kept;
        }
    }

    #[test]
    fn sequence_numbers_are_compared_whole() {
        for wraps in [0, 1, 2, 1000] {
            let base = wraps << 48;
            for number in [1, 2, (1 << 47) + 1, (1 << 48) - 1, 1 << 48, (1 << 48) + 5] {
                let own = base + number;
                let record = record(own, 0);
                for latest in
                    [own - 1, own, own + 1, own + 1000, own + (1 << 47), own + (1 << 48) - (1 << 32) - 1]
                {
                    assert!(record.is_newer_than(own - 1, latest), "{own:#x} of {latest:#x}");
                    assert!(!record.is_newer_than(own, latest), "{own:#x} of {latest:#x}");
                }
            }
        }
    }
}
