//! Every backend keeps the contract on the host.

use tally_heap::test_kit::contract;
use tally_heap::{Heap, Kind};

use crate::common::HostPages;

#[test]
fn every_backend_keeps_the_contract() {
    for kind in Kind::ALL {
        let mut source = HostPages::new(4096);
        let words = source.words();
        let outcome = contract::check(kind, source, words);
        assert_eq!(outcome, Ok(()), "{}", kind.name());
    }
}

#[test]
fn every_backend_has_the_name_that_chooses_it() {
    for kind in Kind::ALL {
        let mut source = HostPages::new(64);
        let words = source.words();
        let heap = Heap::new(kind, source, words);
        assert_eq!(Kind::from_name(heap.name()), Some(kind));
    }
    assert_eq!(Kind::from_name("none"), None);
}
