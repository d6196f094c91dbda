//! Whether the page tables forbid what they must, as they stand: for the self-tests.

use super::{
    ADDRESS, DIRECT_MAP, ENTRIES, LARGE, NO_EXECUTE, PRESENT, SPACE, WRITABLE, image, read_entry, stacks,
};

/// What is wrong with the tables as they stand: a page both writable and executable, page 0 mapped, a guard
/// page mapped. The self-tests ask this.
pub(crate) fn first_violation() -> Option<(usize, &'static str)> {
    let space = SPACE.lock();
    if let Some(guard) = stacks::guard_pages().find(|guard| space.leaf(*guard).is_some()) {
        return Some((guard, "guard page is mapped"));
    }
    for section in [image::text(), image::rodata()] {
        let alias = DIRECT_MAP + image::physical(section.start) as usize;
        if space.leaf(alias).is_some_and(|entry| entry & WRITABLE != 0) {
            return Some((alias, "the direct map makes code or constants writable"));
        }
    }
    if space.leaf(0).is_some() {
        return Some((0, "page 0 is mapped"));
    }
    let mut found = None;
    visit_table(space.top, 39, 0, &mut |address, entry| {
        if entry & WRITABLE != 0 && entry & NO_EXECUTE == 0 {
            found = Some((address, "page is writable and executable"));
        } else if address < DIRECT_MAP {
            found = Some((address, "page of the lower half is mapped"));
        }
    });
    found
}

/// Hands `visit` every mapping below the table in `frame`, which starts at `base`.
fn visit_table(frame: u64, shift: u32, base: usize, visit: &mut dyn FnMut(usize, u64)) {
    for number in 0..ENTRIES {
        let entry = read_entry(frame, number);
        if entry & PRESENT == 0 {
            continue;
        }
        let mut address = base | number << shift;
        if shift == 39 && number >= ENTRIES / 2 {
            // The upper half: bits 48 and up repeat bit 47.
            address |= 0xffff << 48;
        }
        if shift == 12 || entry & LARGE != 0 {
            visit(address, entry);
        } else {
            visit_table(entry & ADDRESS, shift - 9, address, visit);
        }
    }
}
