//! The way back from a page to what it is for. It takes a search through all inodes, and is for questions of a person.

use super::State;
use super::directory;
use super::table::Inode;
use super::tree::PlaceInTree;
use crate::filesystem::PageUse;
use crate::inode::{InodeId, Kind, Name};

impl State {
    /// What the page with this number is for, if it is one of this file system.
    pub(super) fn use_of(&self, page: u32) -> Option<PageUse> {
        if self.table.tree().place_of(&self.space, page).is_some() {
            return Some(PageUse::Inodes);
        }
        self.table.find_map(&self.space, |id, inode| use_in(self, page, id, inode))
    }

    /// A directory that has this inode as an entry, and the entry's name.
    pub(super) fn entry_of(&self, wanted: InodeId) -> Option<(InodeId, Name)> {
        self.table.find_map(&self.space, |id, inode| {
            if inode.kind != Some(Kind::Directory) {
                return None;
            }
            let mut cursor = 0;
            loop {
                let (entry, next) = directory::next(&self.space, inode, cursor, |entry, name| {
                    (entry.inode == wanted).then(|| Name::from(name).ok()).flatten()
                })?;
                if let Some(name) = entry {
                    return Some((id, name));
                }
                cursor = next;
            }
        })
    }
}

fn use_in(state: &State, page: u32, inode: InodeId, record: &Inode) -> Option<PageUse> {
    if let Some(place) = record.tree.place_of(&state.space, page) {
        return Some(match place {
            PlaceInTree::Contents { index } => PageUse::Contents { inode, index },
            PlaceInTree::Numbers => PageUse::Numbers { inode },
        });
    }
    record.index.place_of(&state.space, page).map(|_| PageUse::Index { inode })
}
