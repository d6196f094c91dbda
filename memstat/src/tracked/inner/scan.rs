//! The steps of a scan for leaks. Each takes a bounded time, under the lock.

use core::ops::Range;

use super::Inner;
use crate::backend::{Backend, Location};
use crate::reach::{Colour, Current, Mark, Phase, Reach, ScanError, ScanSummary};
use crate::record::Record;

/// What one slice may cost, in words that are read.
const SLICE: usize = 4096;
/// What a look-up of an address costs, in such words.
const LOOKUP: usize = 16;
/// Walks over the records that new blocks alone may cause.
const MAX_WALKS_FOR_NEW: u64 = 4;
/// The most bytes that guards put before a block.
const MAX_FRONT_BYTES: usize = 4096;
const MIN_FRONT_BYTES: usize = 16;
const WORD_BYTES: usize = size_of::<usize>();

impl<B: Backend> Inner<B> {
    /// Begins a scan.
    pub(in super::super) fn start_scan(&mut self) -> Result<(), ScanError> {
        if self.scanner.phase != Phase::Idle {
            return Err(ScanError::Busy);
        }
        if self.live.len() == 0 {
            return Err(ScanError::NoRecords);
        }
        self.scanner.start(self.live.end(), self.sequence);
        Ok(())
    }

    /// Abandons the scan. Earlier findings stay valid.
    pub(in super::super) fn stop_scan(&mut self) {
        self.scanner.phase = Phase::Idle;
    }

    /// Runs the next slice; returns the summary at the end of the scan.
    ///
    /// # Safety
    ///
    /// All bytes of the roots can be read.
    pub(in super::super) unsafe fn scan_slice(&mut self, roots: &[Range<usize>]) -> Option<ScanSummary> {
        let mut budget = SLICE;
        loop {
            self.scanner.phase = match self.scanner.phase {
                // Before the lock is left: then somebody else may begin a scan.
                Phase::Idle => return Some(self.scanner.scanned),
                _ if budget == 0 => return None,
                Phase::Whiten(behind) => self.whiten(behind, &mut budget),
                // SAFETY: handed on to the caller.
                Phase::Roots { root, offset } => unsafe { self.read_roots(roots, root, offset, &mut budget) },
                Phase::Blacken(behind) => self.blacken(behind, &mut budget),
                Phase::Judge(behind) => self.judge(behind, &mut budget),
            };
        }
    }

    /// Colours blocks white, and notes the range of their addresses. `behind` is one more than the number of the next
    /// record.
    fn whiten(&mut self, behind: usize, budget: &mut usize) -> Phase {
        let mut behind = behind;
        let latest = self.sequence;
        while *budget > 0 {
            let Some(next) = self.live.before(behind) else { return Phase::Roots { root: 0, offset: 0 } };
            behind = next;
            *budget -= 1;
            let Some(record) = self.live.nth_mut(next) else { continue };
            let mark = record.mark();
            // Newer blocks are grey already.
            if record.is_newer_than(self.scanner.last_sequence, latest) {
                continue;
            }
            let colour = match mark.reach {
                Reach::NotLeak => Colour::Grey,
                Reach::Ignored => Colour::Black,
                Reach::Plain | Reach::Suspect | Reach::Leak => Colour::White,
            };
            record.set_mark(Mark { colour, ..mark });
            if colour == Colour::White {
                let address = record.address();
                self.scanner.lowest = self.scanner.lowest.min(address);
                // A block of no bytes has an address all the same.
                self.scanner.end = self.scanner.end.max(address + record.size_bytes().max(1));
            }
        }
        Phase::Whiten(behind)
    }

    /// Reads the words of the roots.
    ///
    /// # Safety
    ///
    /// All bytes of the roots can be read.
    unsafe fn read_roots(
        &mut self,
        roots: &[Range<usize>],
        root: usize,
        offset: usize,
        budget: &mut usize,
    ) -> Phase {
        let Some(span) = roots.get(root) else { return self.begin_walk() };
        // SAFETY: handed on to the caller.
        match unsafe { self.read_words(span.clone(), offset, budget) } {
            Some(offset) => Phase::Roots { root, offset },
            None => Phase::Roots { root: root + 1, offset: 0 },
        }
    }

    /// Reads the words of grey blocks: first those on the list, then those that a walk over the records finds.
    fn blacken(&mut self, behind: usize, budget: &mut usize) -> Phase {
        let mut next = behind;
        while *budget > 0 {
            if let Some(current) = self.scanner.current.take() {
                self.read_block(current, budget);
                continue;
            }
            if let Some(address) = self.scanner.work.pop() {
                *budget = budget.saturating_sub(LOOKUP);
                if let Some(record) = self.live.get_mut(address) {
                    self.scanner.current = begin_reading(record);
                }
                continue;
            }
            let Some(number) = self.live.before(next) else { return self.end_walk() };
            next = number;
            *budget -= 1;
            if let Some(record) = self.live.nth_mut(number)
                && record.mark().colour == Colour::Grey
            {
                self.scanner.current = begin_reading(record);
            }
        }
        Phase::Blacken(next)
    }

    fn begin_walk(&mut self) -> Phase {
        let scanner = &mut self.scanner;
        scanner.scanned.walks += 1;
        scanner.walk_sequence = self.sequence;
        // This walk will find what has found no room on the list until now.
        scanner.work.take_overflow();
        Phase::Blacken(self.live.end())
    }

    /// Ends a walk over the records. Another one follows if grey blocks may be left: those that found no room on the
    /// list, and new ones behind the walk.
    fn end_walk(&mut self) -> Phase {
        let scanner = &mut self.scanner;
        let has_overflowed = scanner.work.take_overflow();
        let are_new = scanner.walk_sequence != self.sequence && scanner.scanned.walks < MAX_WALKS_FOR_NEW;
        if has_overflowed || are_new { self.begin_walk() } else { Phase::Judge(self.live.end()) }
    }

    /// Reads the words of a block, within the budget. A block that was freed meanwhile has none.
    fn read_block(&mut self, current: Current, budget: &mut usize) {
        *budget = budget.saturating_sub(LOOKUP);
        let Some(record) = self.live.get(current.address) else { return };
        if record.sequence() != current.sequence {
            return;
        }
        let span = current.address..current.address + record.size_bytes();
        // SAFETY: a live block, which stays while the lock is held.
        let offset = unsafe { self.read_words(span, current.offset, budget) };
        self.scanner.current = offset.map(|offset| Current { offset, ..current });
    }

    /// Reads the aligned words of `span` from `offset` on; returns where to continue, if there are more.
    ///
    /// # Safety
    ///
    /// All bytes of the span can be read.
    unsafe fn read_words(&mut self, span: Range<usize>, offset: usize, budget: &mut usize) -> Option<usize> {
        let mut address = span.start.checked_add(offset)?.checked_next_multiple_of(WORD_BYTES)?;
        while address.checked_add(WORD_BYTES)? <= span.end {
            if *budget == 0 {
                return Some(address - span.start);
            }
            *budget -= 1;
            self.scanner.scanned.words += 1;
            // SAFETY: aligned, and inside the span. Whatever was written there, or never was, is a number; volatile, so
            // that nobody draws conclusions from that.
            let word = unsafe { (address as *const usize).read_volatile() };
            if word >= self.scanner.lowest && word < self.scanner.end {
                *budget = budget.saturating_sub(LOOKUP);
                self.reach(word);
            }
            address += WORD_BYTES;
        }
        None
    }

    /// Marks the block that `address` points to as reachable.
    fn reach(&mut self, address: usize) {
        let start = match self.live.get(address) {
            Some(_) => Some(address),
            None => self.start_of(address),
        };
        let Some(record) = start.and_then(|start| self.live.get_mut(start)) else { return };
        let mark = record.mark();
        if mark.colour == Colour::White {
            record.set_mark(Mark { colour: Colour::Grey, ..mark });
            self.scanner.work.push(record.address());
        }
    }

    /// Overrides what scans find of the recorded block that starts at `address`; false if there is none. Blocks that a
    /// [`Reach::NotLeak`] points to are reachable too, unless the scan under way has judged them already.
    pub(in super::super) fn set_reach(&mut self, address: usize, reach: Reach) -> bool {
        let Some(record) = self.live.get_mut(address) else { return false };
        let Mark { colour, .. } = record.mark();
        record.set_mark(Mark { reach, colour });
        if reach == Reach::NotLeak {
            self.reach(address);
        }
        true
    }

    /// The start of the recorded block that contains `address`, as far as the backend knows where its blocks start.
    fn start_of(&self, address: usize) -> Option<usize> {
        let holds = |start: usize| {
            let record = self.live.get(start)?;
            (address.wrapping_sub(start) < record.size_bytes()).then_some(start)
        };
        // A sampled block is none of the backend's.
        if self.guards.pool.contains(address) {
            return holds(self.guards.pool.life_at(address)?.block.address());
        }
        let Location::Live { start, .. } = self.backend.as_ref()?.locate(address) else { return None };
        // The backend's block is the caller's, unless guards lie before it: as many bytes as it is aligned to.
        if let Some(start) = holds(start) {
            return Some(start);
        }
        if self.guards.statistics.guarded_blocks == 0 {
            return None;
        }
        let fronts = core::iter::successors(Some(MIN_FRONT_BYTES), |front| Some(front * 2));
        let fronts = fronts.take_while(|front| *front <= MAX_FRONT_BYTES.min(address - start));
        fronts.map(|front| start + front).find_map(holds)
    }

    /// The record of the live block that starts at `address` or contains it.
    pub(in super::super) fn record_around(&self, address: usize) -> Option<&Record> {
        self.live.get(address).or_else(|| self.live.get(self.start_of(address)?))
    }

    /// Judges blocks by their colour. Blocks that are newer than the scan are left alone, and so are those already
    /// judged, which are grey.
    fn judge(&mut self, behind: usize, budget: &mut usize) -> Phase {
        let mut behind = behind;
        let (last_sequence, latest) = (self.scanner.last_sequence, self.sequence);
        let scanned = &mut self.scanner.scanned;
        while *budget > 0 {
            let Some(next) = self.live.before(behind) else { return self.end_scan() };
            behind = next;
            *budget -= 1;
            let Some(record) = self.live.nth_mut(next) else { continue };
            let Mark { reach, colour } = record.mark();
            if colour == Colour::Grey || record.is_newer_than(last_sequence, latest) {
                continue;
            }
            scanned.blocks += 1;
            let reach = match (colour, reach) {
                (Colour::White, Reach::Plain) => Reach::Suspect,
                (Colour::White, Reach::Suspect) => Reach::Leak,
                (Colour::Black, Reach::Suspect | Reach::Leak) => Reach::Plain,
                (_, as_before) => as_before,
            };
            match reach {
                Reach::Suspect => scanned.suspects += 1,
                Reach::Leak => {
                    scanned.leaks += 1;
                    scanned.leaked_bytes += record.size_bytes() as u64;
                    scanned.new_leaks += u64::from(record.reach() != Reach::Leak);
                }
                _ => {}
            }
            record.set_mark(Mark { reach, colour: Colour::Grey });
        }
        Phase::Judge(behind)
    }

    fn end_scan(&mut self) -> Phase {
        self.synchronise();
        let unrecorded = self.tallies.live_blocks().saturating_sub(self.live.len() as u64);
        self.scanner.scanned.unrecorded = unrecorded;
        Phase::Idle
    }
}

/// Starts reading a block's words, unless they were read already.
fn begin_reading(record: &mut Record) -> Option<Current> {
    let mark = record.mark();
    if mark.colour != Colour::Grey {
        return None;
    }
    record.set_mark(Mark { colour: Colour::Black, ..mark });
    Some(Current { address: record.address(), sequence: record.sequence(), offset: 0 })
}
