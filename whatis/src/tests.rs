//! Ten million addresses, in layouts and page tables that are made up, compared with plain arithmetic and plain lists.

use std::collections::BTreeMap;

use super::*;

/// Addresses that are tried in all.
const ADDRESSES: usize = 10_000_000;
/// What words are made of.
const LETTERS: [char; 13] = ['0', 'x', 'p', 'h', 'y', 's', ':', '+', 'a', 'f', '9', 'é', ' '];

/// Page tables in a list of frames; a frame outside of it reads as entries that lead anywhere.
struct MadeUp {
    tables: Vec<[u64; 512]>,
    noise: u64,
}

impl Tables for MadeUp {
    fn top(&self) -> u64 {
        0
    }

    fn entry(&self, table: u64, number: usize) -> u64 {
        match self.tables.get((table >> 12) as usize) {
            Some(entries) => entries[number],
            None => (table ^ number as u64 ^ self.noise).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }
}

impl MadeUp {
    fn new() -> Self {
        Self { tables: vec![[0; 512]], noise: 0 }
    }

    /// Maps a page of 2^(12 + 9 * (level - 1)) bytes.
    fn map(&mut self, address: u64, physical: u64, level: u32, flags: u64) {
        let mut table = 0;
        for above in (level + 1..=4).rev() {
            let number = (address >> (12 + 9 * (above - 1))) as usize % 512;
            if self.tables[table][number] == 0 {
                self.tables.push([0; 512]);
                self.tables[table][number] = ((self.tables.len() - 1) as u64) << 12 | 3;
            }
            table = (self.tables[table][number] >> 12) as usize;
        }
        let large = if level == 1 { 0 } else { 1 << 7 };
        let number = (address >> (12 + 9 * (level - 1))) as usize % 512;
        self.tables[table][number] = physical | flags | large | 1;
    }
}

/// A number with a bit length that is random as well: small ones and large ones alike.
fn number(random: &mut fastrand::Rng) -> u64 {
    let number = random.u64(..) >> random.u32(0..64);
    if random.bool() { !number } else { number }
}

fn layout(random: &mut fastrand::Rng) -> Layout {
    let mut ends: Vec<u64> = (0..10).map(|_| 0xffff_8000_0000_0000 | number(random)).collect();
    ends.sort_unstable();
    let span = |number: usize| ends[2 * number]..ends[2 * number + 1];
    Layout {
        direct_map: span(0),
        devices: span(1),
        sampled: span(2),
        metadata: span(3),
        image: span(4),
        image_base: number(random),
    }
}

#[test]
fn each_of_ten_million_addresses_is_in_one_window_and_leads_somewhere_or_nowhere() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut counts = [0_usize; 3];
    for round in 0..100 {
        let layout = layout(&mut random);
        let mut noise = MadeUp { tables: Vec::new(), noise: random.u64(..) };
        for _ in 0..ADDRESSES / 100 {
            let address = number(&mut random);
            let parts =
                [&layout.direct_map, &layout.devices, &layout.sampled, &layout.metadata, &layout.image];
            let is_canonical = (address as i64) << 16 >> 16 == address as i64;
            let inside = parts.iter().position(|part| part.contains(&address));
            match layout.window(address) {
                Window::NotCanonical => assert!(!is_canonical),
                Window::LowerHalf => assert!(address < 1 << 47),
                Window::DirectMap { physical } => {
                    assert_eq!((inside, physical), (Some(0), address - layout.direct_map.start));
                }
                Window::Devices => assert_eq!(inside, Some(1)),
                Window::Sampled => assert_eq!(inside, Some(2)),
                Window::Metadata => assert_eq!(inside, Some(3)),
                Window::Image { physical } => {
                    assert_eq!((inside, physical.wrapping_add(layout.image_base)), (Some(4), address));
                }
                Window::Unused => assert!(inside.is_none() && is_canonical && address >> 63 == 1),
            }
            counts[0] += usize::from(inside.is_some());
            // Tables that are nothing but noise.
            match translate(&noise, address) {
                Ok(mapping) => {
                    assert!(is_canonical && mapping.page_bytes.is_power_of_two());
                    assert_eq!(mapping.physical % mapping.page_bytes, address % mapping.page_bytes);
                    counts[1] += 1;
                }
                Err(hole) => {
                    assert!((hole.first..=hole.last).contains(&address));
                    counts[2] += 1;
                }
            }
        }
        noise.noise = round;
    }
    assert!(counts.iter().all(|count| *count > ADDRESSES / 200), "{counts:?}");
}

#[test]
fn tables_lead_where_a_plain_list_says() {
    let mut random = fastrand::Rng::with_seed(2);
    let mut space = MadeUp::new();
    // By the first page of 4 KiB: the page's level, physical address and rights.
    let mut pages: BTreeMap<u64, (u32, u64, u64)> = BTreeMap::new();
    for number in 0..400 {
        // No two lie under the same entry of level 3, so no page is inside a larger one.
        let slot = number * 7 % 1024;
        let half = if slot < 512 { 0 } else { 0xffff_8000_0000_0000 };
        let level = random.u32(1..=3);
        let size = 1 << (12 + 9 * (level - 1));
        let address = half | (slot % 512) << 38 | (random.u64(..) % (1 << 30) / size * size);
        let flags = [2, 1 << 63, 1 << 63 | 2, 0][random.usize(0..4)];
        let physical = (1 << 40) + number * (1 << 31) / size * size;
        space.map(address, physical, level, flags);
        pages.insert(address, (level, physical, flags));
    }
    for _ in 0..200_000 {
        let (start, (level, physical, flags)) = pages.iter().nth(random.usize(0..pages.len())).unwrap();
        let size = 1 << (12 + 9 * (level - 1));
        let offset = random.u64(0..size);
        let mapping = translate(&space, start + offset).unwrap();
        let expected = Mapping {
            physical: physical + offset,
            page_bytes: size,
            is_writable: flags & 2 != 0,
            is_executable: flags >> 63 == 0,
        };
        assert_eq!(mapping, expected);
        let elsewhere = number(&mut random);
        let before = pages.range(..=elsewhere).next_back();
        let is_mapped =
            before.is_some_and(|(start, (level, ..))| elsewhere - start < 1 << (12 + 9 * (level - 1)));
        assert_eq!(translate(&space, elsewhere).is_ok(), is_mapped, "{elsewhere:#x}");
    }
    for (address, (level, physical, _)) in &pages {
        let size: u64 = 1 << (12 + 9 * (level - 1));
        let inside = physical + random.u64(0..size) / 4096 * 4096;
        assert_eq!(find_page(&space, &(0..u64::MAX), inside), Some(address + (inside - physical)));
        assert_eq!(find_page(&space, &(*address + size..u64::MAX), *physical), None);
        assert_eq!(find_table(&space, *physical), None);
    }
    for number in 0..space.tables.len() as u64 {
        let place = find_table(&space, number << 12).unwrap();
        let span_bits = 12 + 9 * place.level;
        assert!(place.level == 4 || place.first.trailing_zeros() >= span_bits, "{place:?}");
        if place.level < 4 {
            let is_used = pages.range(place.first..).next().is_some_and(|(address, (level, ..))| {
                address - place.first < 1 << span_bits && *level <= place.level
            });
            assert!(is_used, "{place:?} maps nothing");
        }
    }
}

#[test]
fn words_are_addresses_or_symbols() {
    let symbol = |name, offset| Ok(Typed::Symbol { name, offset });
    for (word, expected) in [
        ("0xffff800000001000", Ok(Typed::Virtual(0xffff_8000_0000_1000))),
        ("ffff800000001000", Ok(Typed::Virtual(0xffff_8000_0000_1000))),
        ("add", symbol("add", 0)),
        ("0add", Ok(Typed::Virtual(0xadd))),
        ("feedbeef", Ok(Typed::Virtual(0xfeed_beef))),
        ("x::add", symbol("x::add", 0)),
        ("phys:0x1000", Ok(Typed::Physical(0x1000))),
        ("phys:1000", Ok(Typed::Physical(0x1000))),
        ("exchange", symbol("exchange", 0)),
        ("exchange+0x12", symbol("exchange", 0x12)),
        ("<A as B<C+0x1>>::d", Err(NotAnAddress)),
        ("<A as B>::d+0x1c", symbol("<A as B>::d", 0x1c)),
        ("", Err(NotAnAddress)),
        ("0x", Err(NotAnAddress)),
        ("0xg", Err(NotAnAddress)),
        ("0x-1", Err(NotAnAddress)),
        ("0x+1", Err(NotAnAddress)),
        ("phys:", Err(NotAnAddress)),
        ("phys:exchange", Err(NotAnAddress)),
        ("11111111111111111", Err(NotAnAddress)),
        ("exchange+0x", Err(NotAnAddress)),
        ("exchange+12", symbol("exchange+12", 0)),
    ] {
        assert_eq!(Typed::parse(word), expected, "{word}");
    }
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..100_000 {
        let word: String =
            (0..random.usize(0..12)).map(|_| LETTERS[random.usize(0..LETTERS.len())]).collect();
        let _ = Typed::parse(&word);
    }
}
