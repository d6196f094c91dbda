//! The steps of a scan for leaks. Each takes a bounded time, under the lock.

use core::ops::Range;

use super::Inner;
use crate::backend::{Backend, Location};
use crate::guard::red_zones::{MAX_FRONT_BYTES, MIN_FRONT_BYTES};
use crate::reach::{Colour, Current, Mark, Phase, Reach, ScanError, ScanSummary};
use crate::record::Record;

/// The budget of one slice; reading a word or visiting a record costs 1.
const SLICE_BUDGET: usize = 4096;
/// The cost of a look-up of an address.
const LOOKUP_COST: usize = 16;
/// Maximum number of walks over the records in one scan, if only new blocks are left to be read.
const MAX_WALKS_FOR_NEW: u64 = 4;
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
        let mut budget = SLICE_BUDGET;
        loop {
            self.scanner.phase = match self.scanner.phase {
                // The summary is taken before the lock is released: after that another scan may begin.
                Phase::Idle => return Some(self.scanner.scanned),
                _ if budget == 0 => return None,
                Phase::Whiten(end) => self.whiten(end, &mut budget),
                // SAFETY: upheld by the caller.
                Phase::Roots { root, offset } => unsafe { self.read_roots(roots, root, offset, &mut budget) },
                Phase::Blacken(end) => self.blacken(end, &mut budget),
                Phase::Judge(end) => self.judge(end, &mut budget),
            };
        }
    }

    /// Colours the blocks of the records below the place `behind` white, the last first, and notes the range of their
    /// addresses.
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
                // A block of size 0 has an address, too.
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
        // SAFETY: upheld by the caller.
        match unsafe { self.read_words(span.clone(), offset, budget) } {
            Some(offset) => Phase::Roots { root, offset },
            None => Phase::Roots { root: root + 1, offset: 0 },
        }
    }

    /// Reads the words of grey blocks: first those on the work list, then those that the walk over the records below number
    /// `end` finds, the last first.
    fn blacken(&mut self, end: usize, budget: &mut usize) -> Phase {
        let mut next = end;
        while *budget > 0 {
            if let Some(current) = self.scanner.current.take() {
                self.read_block(current, budget);
                continue;
            }
            if let Some(address) = self.scanner.work.pop() {
                *budget = budget.saturating_sub(LOOKUP_COST);
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
        // This walk will find the grey blocks that the list had no room for until now.
        scanner.work.take_overflow();
        Phase::Blacken(self.live.end())
    }

    /// Ends a walk over the records. Another one follows if grey blocks may be left: those that the list had no room for,
    /// and new ones whose records the walk had already passed.
    fn end_walk(&mut self) -> Phase {
        let scanner = &mut self.scanner;
        let has_overflowed = scanner.work.take_overflow();
        let has_new_blocks =
            scanner.walk_sequence != self.sequence && scanner.scanned.walks < MAX_WALKS_FOR_NEW;
        if has_overflowed || has_new_blocks { self.begin_walk() } else { Phase::Judge(self.live.end()) }
    }

    /// Reads the words of a block, within the budget; nothing if it was freed since.
    fn read_block(&mut self, current: Current, budget: &mut usize) {
        *budget = budget.saturating_sub(LOOKUP_COST);
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
            // SAFETY: aligned, and inside the span. Any contents are a valid number; the read is volatile, so that the
            // compiler assumes nothing about memory that was never written.
            let word = unsafe { (address as *const usize).read_volatile() };
            if word >= self.scanner.lowest && word < self.scanner.end {
                *budget = budget.saturating_sub(LOOKUP_COST);
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

    /// Overrides what scans find of the recorded block that starts at `address`; false if there is none. If it is now
    /// [`Reach::NotLeak`], a scan under way counts the blocks that it points to as reachable, unless it has judged them
    /// already.
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
        // Sampled blocks are in the pool, not the backend's.
        if self.guards.pool.contains(address) {
            return holds(self.guards.pool.life_at(address)?.block.address());
        }
        let Location::Live { start, .. } = self.backend.as_ref()?.locate(address) else { return None };
        // The caller's block starts where the backend's does, or after a front red zone of as many bytes as its alignment.
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

    /// Judges the blocks of the records below the place `behind` by their colour, the last first. Blocks that are newer
    /// than the scan are skipped, and so are those that were judged already, which are grey.
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
                (_, unchanged) => unchanged,
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

/// Colours a grey block black, and starts reading its words; `None` if it is not grey.
fn begin_reading(record: &mut Record) -> Option<Current> {
    let mark = record.mark();
    if mark.colour != Colour::Grey {
        return None;
    }
    record.set_mark(Mark { colour: Colour::Black, ..mark });
    Some(Current { address: record.address(), sequence: record.sequence(), offset: 0 })
}
