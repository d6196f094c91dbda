//! The map against a plain set: places and holes of its array, and records that stay where they are.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::platform::PAGE_SIZE_BYTES;
use crate::record::Origin;
use crate::{GuardPages, Hooks};

const PAGE: Layout = match Layout::from_size_align(PAGE_SIZE_BYTES, PAGE_SIZE_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!(),
};

/// Pages from the host's allocator.
struct Pages;

// SAFETY: each page is handed out once; there is no stack, and there are no interrupts.
unsafe impl Platform for Pages {
    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { alloc(PAGE) })
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        // SAFETY: from `take_page`.
        unsafe { dealloc(page.as_ptr(), PAGE) };
    }
}

// SAFETY: there is no window.
unsafe impl GuardPages for Pages {}

impl Hooks for Pages {}

fn record(number: usize) -> Record {
    let origin = Origin { sequence: 1, stamp: 0, cpu: 0, task: 0, stack: 0 };
    Record::at(number << 4, Layout::new::<u8>(), &origin)
}

/// A map, its arena, and the places of the records that it is to have.
struct Tried {
    map: Box<Map>,
    arena: Arena,
}

impl Tried {
    fn new() -> Self {
        let (mut map, mut arena) = (Box::new(Map::new()), Arena::new());
        map.prepare();
        arena.prepare();
        Self { map, arena }
    }

    fn insert(&mut self, number: usize) {
        let record = record(number);
        if self.map.insert_fast(record.address(), || record).is_none() {
            assert!(self.map.insert(record, &mut self.arena, &Pages).is_ok());
        }
    }

    fn remove(&mut self, number: usize) {
        let address = record(number).address();
        let removed = match self.map.find_fast(address) {
            Some(found) => {
                let removed = found.record;
                self.map.forget(found, &mut self.arena, &Pages);
                Some(removed)
            }
            None => self.map.remove_if(address, |_| true, &mut self.arena, &Pages),
        };
        assert_eq!(removed, Some(record(number)));
    }

    /// Where each record is in the array.
    fn places(&mut self) -> BTreeMap<usize, usize> {
        let places = 0..self.map.places();
        let at = |place| Some((self.map.nth_mut(place)?.address() >> 4, place));
        places.filter_map(at).collect()
    }
}

#[test]
fn while_blocks_come_and_go_no_record_moves() {
    let mut tried = Tried::new();
    (1..1001).for_each(|number| tried.insert(number));
    let stay = tried.places();
    for number in 1001..4000 {
        tried.insert(number);
        if number >= 1020 {
            tried.remove(number - 19);
        }
    }
    let now = tried.places();
    assert!(stay.iter().all(|(number, place)| now.get(number) == Some(place)));
    assert!(tried.map.places() <= tried.map.len() + MAX_HOLES);
}

#[test]
fn a_record_that_is_relocated_stays_in_its_place() {
    let mut tried = Tried::new();
    (1..101).for_each(|number| tried.insert(number));
    let place = tried.places()[&50];
    let found = tried.map.find_fast(record(50).address()).unwrap();
    assert!(tried.map.relocate(found, record(500)));
    assert_eq!((tried.places()[&500], tried.map.len()), (place, 100));
    assert_eq!(tried.map.get(record(500).address()), Some(&record(500)));
    assert_eq!(tried.map.get(record(50).address()), None);
}

proptest! {
    #[test]
    fn all_records_are_in_the_array_once_and_holes_are_few(
        steps in prop::collection::vec((0_usize..400, 1_usize..40), 1..60),
    ) {
        let mut tried = Tried::new();
        let mut model = std::collections::BTreeSet::new();
        for (first, count) in steps {
            // What is there goes, and what is not comes.
            for number in (first..first + count).map(|number| number + 1) {
                if model.remove(&number) {
                    tried.remove(number);
                } else {
                    model.insert(number);
                    tried.insert(number);
                }
            }
            prop_assert_eq!(tried.map.len(), model.len());
            prop_assert!(tried.map.places() <= model.len() + MAX_HOLES);
            let found: Vec<_> = tried.places().into_keys().collect();
            prop_assert_eq!(&found, &model.iter().copied().collect::<Vec<_>>());
        }
        for number in &model {
                tried.remove(*number);
            }
        prop_assert_eq!(tried.map.len(), 0);
        // Records, index, and what is kept of both.
        prop_assert!(tried.arena.statistics().used_bytes <= 8 * PAGE_SIZE_BYTES);
    }
}
