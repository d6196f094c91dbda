//! Checks the permissions in the current page tables, for the self-tests.

use super::{
    ADDRESS, ENTRIES, LARGE, NO_EXECUTE, PAddr, PRESENT, SPACE, VAddr, WRITABLE, direct_map, image,
    read_entry, sparse, stacks,
};

/// Finds an error in the current tables: a page both writable and executable, page 0 mapped, a guard page mapped, and the
/// like. `None` if there is none.
pub(crate) fn first_violation() -> Option<(VAddr, &'static str)> {
    let space = SPACE.lock();
    if let Some(guard) = stacks::guard_pages().find(|guard| space.leaf(*guard).is_some()) {
        return Some((guard, "guard page is mapped"));
    }
    for section in [image::text(), image::rodata()] {
        let alias = direct_map::to_virtual(image::physical(section.start));
        if space.leaf(alias).is_some_and(|entry| entry & WRITABLE != 0) {
            return Some((alias, "the direct map makes code or constants writable"));
        }
    }
    if space.leaf(VAddr::zero()).is_some() {
        return Some((VAddr::zero(), "page 0 is mapped"));
    }
    let [absent_page, shared @ ..] = space.absent;
    if absent_page & (PRESENT | WRITABLE | NO_EXECUTE) != PRESENT | NO_EXECUTE {
        return Some((sparse::SPARSE_WINDOW, "what stands for absent memory is writable or executable"));
    }
    let mut found = None;
    visit_table(space.top, 39, VAddr::zero(), shared, &mut |address, entry| {
        if entry & WRITABLE != 0 && entry & NO_EXECUTE == 0 {
            found = Some((address, "page is writable and executable"));
        } else if address < direct_map::START {
            found = Some((address, "page of the lower half is mapped"));
        }
    });
    found
}

/// Passes every mapping below the table in `frame`, which starts at `base`, to `visit`. The `shared` tables of absent
/// memory, which map one page again and again, are skipped.
fn visit_table(frame: PAddr, shift: u32, base: VAddr, shared: [u64; 2], visit: &mut dyn FnMut(VAddr, u64)) {
    for number in 0..ENTRIES {
        let entry = read_entry(frame, number);
        if entry & PRESENT == 0 || shared.contains(&entry) {
            continue;
        }
        let mut address = base.as_usize() | number << shift;
        if shift == 39 && number >= ENTRIES / 2 {
            // Sign extension: in the upper half, bits 48 and up are set.
            address |= 0xffff << 48;
        }
        if shift == 12 || entry & LARGE != 0 {
            visit(VAddr::from_usize(address), entry);
        } else {
            visit_table(PAddr(entry & ADDRESS), shift - 9, VAddr::from_usize(address), shared, visit);
        }
    }
}
