use core::fmt::Write;

use proptest::prelude::*;

use super::*;

const SLOT_BYTES: usize = 32 << 10;
const HEAD: Head = Head {
    ending: Ending::Panic,
    sequence: 7,
    build: 0xdead_beef,
    boot: 3,
    uptime_ns: 12_345_678_900,
    date_seconds: 1_700_000_000,
};
const FIGURES: Figures = Figures {
    total_pages: 1,
    free_pages: 2,
    live_blocks: 3,
    live_bytes: 4,
    allocations: 5,
    frees: 6,
    failures: 7,
    bad_frees: 8,
    events: 9,
};

fn event(sequence: u64) -> KeptEvent {
    KeptEvent { sequence, time_ns: 10, address: 0xffff_8000_0000_1000, size_bytes: 64, caller: 12, kind: 2 }
}

/// A record with something of everything.
fn sample() -> Vec<u8> {
    let mut slot = vec![0xa5; SLOT_BYTES];
    let mut writer = Writer::begin(&mut slot, &HEAD).unwrap();
    writer.write_str("\x1b[1;31mpanic\x1b[0m at x.rs:1\nstopped\n").unwrap();
    writer.set_figures(&FIGURES, 4, 1);
    (1..=3).for_each(|number| writer.push_event(&event(number)));
    writer.push_line(1000, "first");
    writer.push_line(2000, "second\x1b[2J\n");
    writer.seal();
    slot
}

/// Asks for all that there is.
fn read_all(slot: &[u8]) -> Option<String> {
    let record = Record::read(slot).ok()?;
    let mut text = format!("{:?} {:?} {:?}", record.head(), record.figures(), record.levels());
    record.events().for_each(|event| write!(text, "{event:?}").unwrap());
    record.lines().for_each(|(time_ns, line)| write!(text, "{time_ns} {line}").unwrap());
    write!(text, "{}", record.report()).unwrap();
    Some(text)
}

#[test]
fn what_was_written_is_read() {
    let slot = sample();
    let record = Record::read(&slot).unwrap();
    assert_eq!((record.head(), record.figures(), record.levels()), (HEAD, FIGURES, [4, 1]));
    assert_eq!(record.events().collect::<Vec<_>>(), [event(1), event(2), event(3)]);
    let lines: Vec<_> = record.lines().map(|(time_ns, line)| (time_ns, line.to_string())).collect();
    assert_eq!(lines, [(1000, "first".to_owned()), (2000, "second ".to_owned())]);
    assert_eq!(record.report().to_string(), "panic at x.rs:1\nstopped\n");
}

#[test]
fn unsealed_record_is_none_until_somebody_seals_it() {
    let mut slot = vec![0; SLOT_BYTES];
    let mut writer = Writer::begin(&mut slot, &HEAD).unwrap();
    writer.write_str("panic at").unwrap();
    assert_eq!(Record::read(&slot).unwrap_err(), NoRecord::Unsealed);
    let mut writer = Writer::resume(&mut slot).unwrap();
    writer.write_str(" once more").unwrap();
    writer.seal();
    assert_eq!(Record::read(&slot).unwrap().report().to_string(), "panic at once more");
    assert!(Writer::resume(&mut slot).is_none(), "a sealed record is not gone on with");
}

#[test]
fn what_does_not_fit_is_left_out_and_the_rest_stays() {
    let mut slot = vec![0; SLOT_BYTES];
    let mut writer = Writer::begin(&mut slot, &HEAD).unwrap();
    (0..10_000).for_each(|_| writer.write_str("0123456789").unwrap());
    (0..10_000).for_each(|number| writer.push_event(&event(number)));
    (0..10_000).for_each(|number| writer.push_line(number, "line"));
    writer.seal();
    let record = Record::read(&slot).unwrap();
    assert!(record.report().to_string().len() > SLOT_BYTES / 2);
    assert!(record.events().count() > 100);
    assert!(Writer::begin(&mut [0; HEAD_BYTES - 1], &HEAD).is_none());
}

#[test]
fn nothing_is_read_from_noise_and_damage() {
    assert_eq!(Record::read(&[]).unwrap_err(), NoRecord::Empty);
    assert_eq!(Record::read(&vec![0; SLOT_BYTES]).unwrap_err(), NoRecord::Empty);
    let mut slot = sample();
    slot[at::VERSION] = 9;
    assert_eq!(Record::read(&slot).unwrap_err(), NoRecord::Version { version: 9 });
    let mut slot = sample();
    slot[at::EVENTS + 3] = 0xff;
    assert_eq!(Record::read(&slot).unwrap_err(), NoRecord::Length);
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let slot = sample();
    let end = parts(&slot).unwrap()[3];
    for byte in 0..end {
        for bit in 0..8 {
            let mut damaged = slot.clone();
            damaged[byte] ^= 1 << bit;
            assert!(Record::read(&damaged).is_err(), "bit {bit} of byte {byte}");
        }
    }
    (0..end).for_each(|length| assert!(Record::read(&slot[..length]).is_err(), "{length} bytes"));
}

proptest! {
    /// A checksum that happens to be right, or was made so, proves nothing about the rest.
    #[test]
    fn any_bytes_with_a_right_checksum_have_an_answer(
        mut slot in prop::collection::vec(any::<u8>(), 0..2048),
        lengths in prop::array::uniform3(0_u32..3000),
    ) {
        for (offset, length) in [at::REPORT_BYTES, at::EVENTS, at::LOG_BYTES].into_iter().zip(lengths) {
            if let Some(target) = slot.get_mut(offset..offset + 4) {
                target.copy_from_slice(&(length / 7).to_le_bytes());
            }
        }
        if let Some(head) = slot.get_mut(..at::CHECKSUM) {
            head[..8].copy_from_slice(&SEALED_MARK);
            head[8..].copy_from_slice(&VERSION.to_le_bytes());
        }
        if let Some([.., end]) = parts(&slot) {
            let sum = checksum(&slot, end);
            if let Some(target) = slot.get_mut(at::CHECKSUM..at::CHECKSUM + 4) {
                target.copy_from_slice(&sum.to_le_bytes());
            }
        }
        let text = read_all(&slot).unwrap_or_default();
        prop_assert!(!text.contains('\x1b'));
    }

    #[test]
    fn damaged_records_have_an_answer(places in prop::collection::vec((0..SLOT_BYTES, any::<u8>()), 1..50)) {
        let mut slot = sample();
        for (place, byte) in places {
            slot[place] = byte;
        }
        let _ = read_all(&slot);
        if let Some(mut writer) = Writer::resume(&mut slot) {
            writer.push_event(&event(1));
            writer.seal();
        }
    }
}
