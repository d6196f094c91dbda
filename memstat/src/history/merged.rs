//! Several rings of events, read as one: in the order of their sequence numbers, which no two events share.
//!
//! A ring that was overwritten has lost its oldest events. What is older than the oldest of those that it still has is left
//! out, and counts as lost, even if another ring has it: so what is shown has no gaps.

use super::{Event, HistoryPart};
use crate::lock::gate::MAX_LANES;

/// One for each lane, and one for what is done while all of them are stopped.
const MAX_RINGS: usize = MAX_LANES + 1;

/// Events whose sequence numbers rise.
pub(crate) trait Ring {
    /// Events that were ever written.
    fn written(&self) -> u64;

    /// Events that can still be read.
    fn kept(&self) -> usize;

    /// The event of a number below [`Ring::kept`], from the oldest on.
    fn nth(&self, number: usize) -> &Event;

    /// Whether all events can still be read that were written since the ring was cleared.
    fn is_whole(&self) -> bool;
}

/// Rings that do not change meanwhile.
pub(crate) struct Merged<'a> {
    rings: [Option<&'a dyn Ring>; MAX_RINGS],
    /// In each ring, the first event behind all gaps.
    firsts: [usize; MAX_RINGS],
    /// The highest sequence number.
    latest: u64,
    /// Events that are shown at most.
    capacity: usize,
}

impl<'a> Merged<'a> {
    pub(crate) fn new(rings: impl Iterator<Item = &'a dyn Ring>, latest: u64, capacity: usize) -> Self {
        let mut merged = Self { rings: [None; MAX_RINGS], firsts: [0; MAX_RINGS], latest, capacity };
        for (place, ring) in merged.rings.iter_mut().zip(rings) {
            *place = Some(ring);
        }
        let gaps = merged.rings.iter().flatten().filter(|ring| !ring.is_whole());
        let ends = gaps.map(|ring| if ring.kept() == 0 { u64::MAX } else { merged.sequence(*ring, 0) });
        if let Some(end) = ends.max() {
            merged.firsts = merged.positions(end);
        }
        merged
    }

    fn sequence(&self, ring: &dyn Ring, number: usize) -> u64 {
        ring.nth(number).record().full_sequence(self.latest)
    }

    /// Events that were ever written.
    pub(crate) fn written(&self) -> u64 {
        self.rings.iter().flatten().map(|ring| ring.written()).sum()
    }

    /// In each ring, the first event behind all gaps whose sequence number is not less than `sequence`.
    fn positions(&self, sequence: u64) -> [usize; MAX_RINGS] {
        let mut positions = self.firsts;
        for (position, ring) in positions.iter_mut().zip(self.rings.iter().map_while(|ring| *ring)) {
            let mut end = ring.kept();
            while *position < end {
                let middle = *position + (end - *position) / 2;
                if self.sequence(ring, middle) < sequence {
                    *position = middle + 1;
                } else {
                    end = middle;
                }
            }
        }
        positions
    }

    /// Events behind all gaps up to these positions.
    fn count(&self, positions: &[usize; MAX_RINGS]) -> usize {
        positions.iter().zip(&self.firsts).map(|(position, first)| position - first).sum()
    }

    /// The positions of the event that `skipped` others come before.
    fn nth(&self, skipped: usize) -> [usize; MAX_RINGS] {
        let (mut low, mut high) = (0, self.latest + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.count(&self.positions(middle + 1)) <= skipped {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.positions(low)
    }

    /// Copies events from number `cursor` on (0 is the first ever) into `buffer`.
    pub(crate) fn read(&self, cursor: u64, buffer: &mut [Event]) -> HistoryPart {
        let kept = self.count(&self.positions(u64::MAX));
        let shown = kept.min(self.capacity);
        let written = self.written();
        let oldest = written - shown as u64;
        let from = cursor.max(oldest);
        let mut positions = self.nth(kept - shown + (from - oldest) as usize);
        let mut count = 0;
        for slot in buffer {
            let heads = self.rings.iter().map_while(|ring| *ring).zip(&mut positions);
            let heads = heads.filter(|(ring, position)| **position < ring.kept());
            let Some((ring, position)) =
                heads.min_by_key(|(ring, position)| self.sequence(*ring, **position))
            else {
                break;
            };
            *slot = *ring.nth(*position);
            *position += 1;
            count += 1;
        }
        HistoryPart { count, lost: from - cursor.min(from), next: from + count as u64 }
    }

    /// The newest event for which `is_wanted` is true.
    pub(crate) fn find_newest(&self, is_wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        let mut ends = self.positions(u64::MAX);
        loop {
            let rings = self.rings.iter().map_while(|ring| *ring).zip(&mut ends).zip(&self.firsts);
            let tails = rings.filter(|((_, end), first)| **end > **first);
            let newest = tails.max_by_key(|((ring, end), _)| self.sequence(*ring, **end - 1));
            let ((ring, end), _) = newest?;
            *end -= 1;
            if is_wanted(ring.nth(*end)) {
                return Some(*ring.nth(*end));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::history::EventKind;
    use crate::record::Origin;

    /// The last events of a list.
    struct Last {
        events: Vec<Event>,
        written: u64,
        cleared: u64,
    }

    impl Ring for Last {
        fn written(&self) -> u64 {
            self.written
        }

        fn kept(&self) -> usize {
            self.events.len()
        }

        fn nth(&self, number: usize) -> &Event {
            &self.events[number]
        }

        fn is_whole(&self) -> bool {
            self.written - self.cleared == self.events.len() as u64
        }
    }

    fn event(sequence: u64) -> Event {
        let origin = Origin { sequence, stamp: 0, cpu: 0, task: 0, stack: 0 };
        Event::new(EventKind::Free, 16, 1, &origin)
    }

    proptest! {
        #[test]
        fn what_is_shown_is_in_order_without_gaps_and_the_rest_is_told(
            owners in prop::collection::vec(0_usize..4, 0..200),
            kept in prop::array::uniform4(1_usize..60),
            capacity in 1_usize..150,
            at_once in 1_usize..9,
            cleared in 0_usize..100,
        ) {
            let mut rings: Vec<_> =
                (0..4).map(|_| Last { events: Vec::new(), written: 0, cleared: 0 }).collect();
            for (number, owner) in owners.iter().enumerate() {
                if number == cleared {
                    for ring in &mut rings {
                        ring.events.clear();
                        ring.cleared = ring.written;
                    }
                }
                let ring = &mut rings[*owner];
                // Numbers that nobody has used lie between.
                ring.events.push(event(3 * number as u64 + 1));
                ring.written += 1;
                if ring.events.len() > kept[*owner] {
                    ring.events.remove(0);
                }
            }
            let latest = 3 * owners.len() as u64;
            let parts = || rings.iter().map(|ring| ring as &dyn Ring);
            let merged = Merged::new(parts(), latest, capacity);
            prop_assert_eq!(merged.written(), owners.len() as u64);
            let (mut cursor, mut found, mut lost) = (0, Vec::new(), 0);
            loop {
                let mut buffer = [Event::EMPTY; 8];
                let part = merged.read(cursor, &mut buffer[..at_once]);
                found.extend(buffer[..part.count].iter().map(|event| event.record().sequence()));
                lost += part.lost;
                cursor = part.next;
                if part.count == 0 {
                    break;
                }
            }
            prop_assert_eq!(lost + found.len() as u64, owners.len() as u64);
            // All is shown from the oldest event on of the ring whose gap is newest, but not more than is asked for.
            let since = if owners.len() > cleared { cleared } else { 0 };
            let gap_ends = rings.iter().filter(|ring| !ring.is_whole());
            let gap_ends = gap_ends.map(|ring| ring.events[0].record().sequence() as usize / 3);
            let first = gap_ends.max().unwrap_or(0).max(owners.len().saturating_sub(capacity)).max(since);
            let expected: Vec<_> = (first..owners.len()).map(|number| 3 * number as u64 + 1).collect();
            prop_assert_eq!(&found, &expected);
            let newest = merged.find_newest(|_| true).map(|event| event.record().sequence());
            prop_assert_eq!(newest, found.last().copied());
        }
    }
}
