//! The number of levels below each directory, so that no rename makes a tree deeper than paths can be.
//!
//! Each directory has an upper bound: raised as names are added, 0 once it is empty. As long as the bound allows a
//! rename, it costs a step for each directory above the target. Only if not, the levels are counted.

use arrayvec::ArrayVec;

use super::State;
use super::directory;
use super::table::ROOT;
use crate::inode::{InodeId, Kind};
use crate::path::MAX_DEPTH;

/// A directory whose levels are being counted.
struct Visit {
    directory: InodeId,
    /// Where its listing continues.
    cursor: u64,
    levels: u8,
}

impl State {
    /// Raises the bounds from `directory`, which has a new entry, upwards.
    pub(super) fn raise_levels(&mut self, directory: InodeId, (id, kind): (InodeId, Kind)) {
        let below = match kind {
            Kind::Directory => self.inode(id).map_or(0, |inode| inode.levels_below),
            _ => 0,
        };
        let (mut at, mut levels) = (directory, below.saturating_add(1));
        // Each parent has a higher bound than its children, so once a bound suffices, the ones above do.
        while let Ok(inode) = self.inode(at)
            && inode.levels_below < levels
        {
            self.change(at, |inode| inode.levels_below = levels);
            if at == ROOT {
                break;
            }
            at = inode.parent;
            levels = levels.saturating_add(1);
        }
    }

    /// Counts the levels below a directory. The bounds of all directories below become exact.
    pub(super) fn count_levels(&mut self, top: InodeId) -> u8 {
        let mut path = ArrayVec::<Visit, MAX_DEPTH>::new();
        let mut next = Some(top);
        loop {
            if let Some(directory) = next.take()
                && path.try_push(Visit { directory, cursor: 0, levels: 0 }).is_err()
            {
                return u8::MAX;
            }
            let Some(visit) = path.last_mut() else { return 0 };
            let entry = self.directory(visit.directory).ok().and_then(|inode| {
                directory::next(&self.space, &inode, visit.cursor, |found, _| (found.inode, found.kind))
            });
            if let Some(((id, kind), cursor)) = entry {
                visit.cursor = cursor;
                visit.levels = visit.levels.max(1);
                next = (kind == Kind::Directory).then_some(id);
                continue;
            }
            let (directory, levels) = (visit.directory, visit.levels);
            self.change(directory, |inode| inode.levels_below = levels);
            path.pop();
            match path.last_mut() {
                Some(above) => above.levels = above.levels.max(levels.saturating_add(1)),
                None => return levels,
            }
        }
    }
}
