//! A tree of pages: maps the index of a page in a file to the page's number.
//!
//! A tree of height 0 is one page of contents. A tree of height n is a page of 1,024 numbers, each of a tree of
//! height n - 1; 0 is a hole. So a sparse file with one byte at its far end takes a few pages, and a lookup a
//! few reads. The structure is that of the block maps of Unix file systems (Bach, The Design of the UNIX Operating
//! System, 4.2), with all of a file at one depth.

use super::space::{PAGE_BYTES, Space};
use crate::errno::{Errno, Result};

const NUMBER_BYTES: usize = 4;
const FAN_OUT: u64 = (PAGE_BYTES / NUMBER_BYTES) as u64;
const NUMBERS_AT_ONCE: usize = 64;
const MAX_HEIGHT: u8 = 4;
/// The longest file: 4 PiB.
pub(super) const MAX_BYTES: u64 = span(MAX_HEIGHT) * PAGE_BYTES as u64;

/// The tree of a file's pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    /// The page at the top, 0 for an empty file.
    pub(super) root: u32,
    pub(super) height: u8,
    /// Total number of pages, those of numbers included.
    pub(super) pages: u32,
}

/// What a page is in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceInTree {
    /// Contents, at this index.
    Contents { index: u64 },
    /// Numbers of other pages.
    Numbers,
}

/// Pages of contents that a tree of this height can hold.
const fn span(height: u8) -> u64 {
    FAN_OUT.saturating_pow(height as u32)
}

/// The slot of the number for page `index`, in a page of numbers above trees of height `below`.
fn slot(index: u64, below: u8) -> usize {
    (index.checked_div(span(below)).unwrap_or(0) % FAN_OUT) as usize
}

fn number(space: &Space, page: u32, slot: usize) -> u32 {
    let mut bytes = [0; NUMBER_BYTES];
    space.read(page, slot.saturating_mul(NUMBER_BYTES), &mut bytes);
    u32::from_le_bytes(bytes)
}

/// Some of a page's numbers.
fn numbers(space: &Space, page: u32, first: usize) -> [u32; NUMBERS_AT_ONCE] {
    let mut bytes = [[0; NUMBER_BYTES]; NUMBERS_AT_ONCE];
    space.read(page, first.saturating_mul(NUMBER_BYTES), bytes.as_flattened_mut());
    bytes.map(u32::from_le_bytes)
}

fn set_number(space: &Space, page: u32, slot: usize, number: u32) {
    space.write(page, slot.saturating_mul(NUMBER_BYTES), &number.to_le_bytes());
}

impl Tree {
    /// The page at `index`; `None` for a hole.
    pub(super) fn find(&self, space: &Space, index: u64) -> Option<u32> {
        let mut page = (index < span(self.height)).then_some(self.root).filter(|page| *page != 0)?;
        for below in (0..self.height).rev() {
            page = Some(number(space, page, slot(index, below))).filter(|page| *page != 0)?;
        }
        Some(page)
    }

    /// Where in the tree the page with this number is.
    pub(super) fn place_of(&self, space: &Space, page: u32) -> Option<PlaceInTree> {
        if self.root == 0 || page == 0 { None } else { place_below(space, self.root, self.height, 0, page) }
    }

    /// The page at `index`; a hole is filled with a page of zeros. A failure changes nothing.
    pub(super) fn find_or_take(&mut self, space: &mut Space, index: u64) -> Result<u32> {
        if let Some(page) = self.find(space, index) {
            return Ok(page);
        }
        if index >= span(MAX_HEIGHT) {
            return Err(Errno::EFBIG);
        }
        let present = span(self.height);
        self.raise(space, index).and_then(|()| self.fill_hole(space, index)).inspect_err(|_| {
            self.lower(space, present);
        })
    }

    /// Makes the tree high enough for `index`.
    fn raise(&mut self, space: &mut Space, index: u64) -> Result<()> {
        while index >= span(self.height) {
            if self.root != 0 {
                let above = space.take()?;
                set_number(space, above, 0, self.root);
                self.root = above;
                self.pages = self.pages.saturating_add(1);
            }
            self.height = self.height.saturating_add(1);
        }
        Ok(())
    }

    /// Removes levels at the top that `present` pages of contents do not need.
    fn lower(&mut self, space: &mut Space, present: u64) {
        while let Some(lower) = self.height.checked_sub(1)
            && (self.root == 0 || present <= span(lower))
        {
            if self.root != 0 {
                let below = number(space, self.root, 0);
                space.give(self.root);
                self.pages = self.pages.saturating_sub(1);
                self.root = below;
            }
            self.height = lower;
        }
    }

    /// Allocates the page at `index` and the missing pages of numbers above it.
    fn fill_hole(&mut self, space: &mut Space, index: u64) -> Result<u32> {
        let mut missing_height = self.height;
        let mut place = None;
        let mut page = self.root;
        while page != 0
            && let Some(below) = missing_height.checked_sub(1)
        {
            missing_height = below;
            let slot = slot(index, missing_height);
            place = Some((page, slot));
            page = number(space, page, slot);
        }
        // From the bottom up, so that nothing refers to a part until it is whole.
        let contents = space.take()?;
        let mut top = contents;
        for below in 0..missing_height {
            match space.take() {
                Ok(above) => {
                    set_number(space, above, slot(index, below), top);
                    top = above;
                }
                Err(error) => {
                    let mut freed = 0;
                    free_from(space, top, below, 0, &mut freed);
                    return Err(error);
                }
            }
        }
        match place {
            Some((page, slot)) => set_number(space, page, slot, top),
            None => self.root = top,
        }
        self.pages = self.pages.saturating_add(u32::from(missing_height)).saturating_add(1);
        Ok(contents)
    }

    /// Frees all pages from `index` on.
    pub(super) fn cut(&mut self, space: &mut Space, index: u64) {
        if self.root == 0 {
            return;
        }
        let mut freed = 0;
        if free_from(space, self.root, self.height, index, &mut freed) {
            *self = Self::default();
            return;
        }
        self.pages = self.pages.saturating_sub(freed);
        self.lower(space, index);
    }
}

/// Where the page `wanted` is in the tree below `page`, whose contents start at `index`.
fn place_below(space: &Space, page: u32, height: u8, index: u64, wanted: u32) -> Option<PlaceInTree> {
    let Some(below) = height.checked_sub(1) else {
        return (page == wanted).then_some(PlaceInTree::Contents { index });
    };
    if page == wanted {
        return Some(PlaceInTree::Numbers);
    }
    (0..FAN_OUT).step_by(NUMBERS_AT_ONCE).find_map(|first| {
        (first..).zip(numbers(space, page, first as usize)).find_map(|(slot, child)| {
            let start = index.saturating_add(slot.saturating_mul(span(below)));
            if child == 0 { None } else { place_below(space, child, below, start, wanted) }
        })
    })
}

/// Frees the pages from `index` on in the tree below `page`, and `page` itself if nothing is left; then returns true.
fn free_from(space: &mut Space, page: u32, height: u8, index: u64, freed: &mut u32) -> bool {
    let mut is_empty = height > 0 || index == 0;
    if let Some(below) = height.checked_sub(1) {
        for first in (0..FAN_OUT).step_by(NUMBERS_AT_ONCE) {
            for (slot, child) in (first..).zip(numbers(space, page, first as usize)) {
                let start = slot.saturating_mul(span(below));
                if child == 0 {
                    continue;
                }
                if start.saturating_add(span(below)) > index
                    && free_from(space, child, below, index.saturating_sub(start), freed)
                {
                    set_number(space, page, slot as usize, 0);
                } else {
                    is_empty = false;
                }
            }
        }
    }
    if is_empty {
        space.give(page);
        *freed = freed.saturating_add(1);
    }
    is_empty
}
