//! A file system in memory.
//!
//! Everything is stored in numbered [`Pages`]: contents, names, inodes and the trees between them. The heap is not used, so
//! that storing a report about the heap in a file does not change what it reports. Each page counts against the limit, and
//! is freed when its contents are removed.

mod directory;
mod index;
mod levels;
mod owner;
mod record;
mod space;
mod table;
mod tree;

#[cfg(test)]
mod tests;

use spin::Mutex;

use crate::errno::{Errno, Result};
use crate::filesystem::{Contents, FileSystem, New, PageUse, Sort, Statistics, WriteAt};
use crate::inode::{DirectoryEntry, InodeId, Kind, Metadata, Name};
use crate::path::{CANONICAL_MAX, PathBuffer};
use space::Space;
use table::{Inode, RECORDS_PER_PAGE, ROOT, Table};
use tree::MAX_BYTES;

pub use space::{PAGE_BYTES as RAM_PAGE_BYTES, Pages};

const PAGE: u64 = RAM_PAGE_BYTES as u64;
/// Units of 512 bytes in a page.
const BLOCKS_PER_PAGE: u64 = PAGE / 512;

/// The file system.
pub struct RamFs {
    state: Mutex<State>,
    now: fn() -> u64,
}

struct State {
    space: Space,
    table: Table,
}

impl RamFs {
    /// An empty file system, limited only by what `pages` can allocate. `now` gives the nanoseconds since 1970-01-01.
    pub const fn new(pages: &'static dyn Pages, now: fn() -> u64) -> Self {
        Self { state: Mutex::new(State { space: Space::new(pages), table: Table::new() }), now }
    }

    /// Sets how many pages it may have. It keeps those that it has beyond that.
    pub fn set_limit_pages(&self, pages: u64) {
        self.state.lock().space.limit_pages = pages;
    }

    /// Pages that it has.
    pub fn used_pages(&self) -> u64 {
        self.state.lock().space.used_pages
    }
}

impl State {
    fn inode(&self, id: InodeId) -> Result<Inode> {
        self.table.get(&self.space, id)
    }

    fn directory(&self, id: InodeId) -> Result<Inode> {
        self.table.directory(&self.space, id)
    }

    /// A file's inode.
    fn file(&self, id: InodeId) -> Result<Inode> {
        self.inode(id).and_then(|inode| match inode.kind {
            Some(Kind::File) => Ok(inode),
            Some(Kind::Directory) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        })
    }

    /// Changes an inode in place.
    fn change(&mut self, id: InodeId, change: impl FnOnce(&mut Inode)) {
        if let Ok(mut inode) = self.inode(id) {
            change(&mut inode);
            self.table.set(&self.space, id, inode);
        }
    }

    /// Adds an entry to a directory.
    fn add_entry(
        &mut self,
        directory: InodeId,
        name: &str,
        entry: (InodeId, Kind),
        now_ns: u64,
    ) -> Result<()> {
        let mut inode = self.directory(directory)?;
        directory::add(&mut self.space, &mut inode, name, entry)?;
        inode.links = inode.links.saturating_add(u32::from(entry.1 == Kind::Directory));
        inode.modified_ns = now_ns;
        self.table.set(&self.space, directory, inode);
        self.raise_levels(directory, entry);
        Ok(())
    }

    /// Removes an entry from a directory.
    fn remove_entry(&mut self, directory: InodeId, entry: directory::Found, now_ns: u64) -> Result<()> {
        let mut inode = self.directory(directory)?;
        directory::remove(&mut self.space, &mut inode, entry.offset);
        inode.links = inode.links.saturating_sub(u32::from(entry.kind == Kind::Directory));
        inode.modified_ns = now_ns;
        if inode.entries == 0 {
            inode.levels_below = 0;
        }
        self.table.set(&self.space, directory, inode);
        Ok(())
    }

    /// Frees an inode without a name, unless it is open.
    fn free_inode(&mut self, id: InodeId) {
        let Ok(mut inode) = self.inode(id) else { return };
        inode.links = 0;
        if inode.opens == 0 {
            inode.tree.cut(&mut self.space, 0);
            inode.index.cut(&mut self.space, 0);
            self.table.remove(&mut self.space, id);
        } else {
            self.table.set(&self.space, id, inode);
        }
    }

    /// Copies out of an inode's contents.
    fn read(&self, inode: &Inode, offset: u64, target: &mut [u8]) -> usize {
        let count = inode.size_bytes.saturating_sub(offset).min(target.len() as u64) as usize;
        let mut rest = target.get_mut(..count).unwrap_or_default();
        let mut at = offset;
        while !rest.is_empty() {
            let start = (at % PAGE) as usize;
            let length = rest.len().min(RAM_PAGE_BYTES.saturating_sub(start));
            let Some(part) = rest.split_off_mut(..length) else { break };
            match inode.tree.find(&self.space, at / PAGE) {
                Some(page) => self.space.read(page, start, part),
                None => part.fill(0),
            }
            at = at.saturating_add(length as u64);
        }
        count
    }

    /// Copies into an inode's contents as much as there is room for.
    fn write(&mut self, inode: &mut Inode, offset: u64, bytes: &[u8]) -> Result<usize> {
        let mut rest = bytes;
        let mut at = offset;
        while !rest.is_empty() {
            let start = (at % PAGE) as usize;
            let length = rest.len().min(RAM_PAGE_BYTES.saturating_sub(start));
            let page = match inode.tree.find_or_take(&mut self.space, at / PAGE) {
                Ok(page) => page,
                Err(error) if at == offset => return Err(error),
                Err(_) => break,
            };
            let Some(part) = rest.split_off(..length) else { break };
            self.space.write(page, start, part);
            at = at.saturating_add(length as u64);
            inode.size_bytes = inode.size_bytes.max(at);
        }
        Ok(at.saturating_sub(offset) as usize)
    }

    fn set_size(&mut self, inode: &mut Inode, size_bytes: u64) -> Result<()> {
        if size_bytes > MAX_BYTES {
            return Err(Errno::EFBIG);
        }
        if size_bytes < inode.size_bytes {
            inode.tree.cut(&mut self.space, size_bytes.div_ceil(PAGE));
            // What is cut off reads as zeros should the file grow again.
            let start = (size_bytes % PAGE) as usize;
            if start > 0
                && let Some(page) = inode.tree.find(&self.space, size_bytes / PAGE)
            {
                const ZEROS: [u8; RAM_PAGE_BYTES] = [0; RAM_PAGE_BYTES];
                self.space.write(page, start, ZEROS.get(start..).unwrap_or_default());
            }
        }
        inode.size_bytes = size_bytes;
        Ok(())
    }
}

impl FileSystem for RamFs {
    fn type_name(&self) -> &'static str {
        "tmpfs"
    }

    fn root(&self) -> InodeId {
        ROOT
    }

    fn lookup(&self, directory: InodeId, name: &str) -> Result<InodeId> {
        let state = self.state.lock();
        let inode = state.directory(directory)?;
        directory::find(&state.space, &inode, name).map(|entry| entry.inode).ok_or(Errno::ENOENT)
    }

    fn parent(&self, directory: InodeId) -> Result<InodeId> {
        Ok(self.state.lock().directory(directory)?.parent)
    }

    fn metadata(&self, inode: InodeId) -> Result<Metadata> {
        let found = self.state.lock().inode(inode)?;
        Ok(Metadata {
            inode,
            kind: found.kind.ok_or(Errno::ENOENT)?,
            mode: found.mode,
            size_bytes: found.size_bytes,
            links: found.links,
            uid: 0,
            gid: 0,
            blocks_512: (u64::from(found.tree.pages).saturating_add(found.index.pages.into()))
                .saturating_mul(BLOCKS_PER_PAGE),
            modified_ns: found.modified_ns,
        })
    }

    fn read_directory(&self, directory: InodeId, cursor: u64) -> Result<Option<(DirectoryEntry, u64)>> {
        let state = self.state.lock();
        let inode = state.directory(directory)?;
        let next = directory::next(&state.space, &inode, cursor, |entry, name| {
            let name = Name::from(name).map_err(|_| Errno::EIO)?;
            Ok(DirectoryEntry { name, kind: entry.kind, inode: entry.inode })
        });
        next.map(|(entry, cursor)| Ok((entry?, cursor))).transpose()
    }

    fn read_link(&self, inode: InodeId) -> Result<PathBuffer> {
        let state = self.state.lock();
        let inode = state.inode(inode)?;
        if inode.kind != Some(Kind::Link) {
            return Err(Errno::EINVAL);
        }
        let mut target = [0; CANONICAL_MAX];
        let count = state.read(&inode, 0, &mut target);
        let text = target.get(..count).and_then(|target| str::from_utf8(target).ok()).ok_or(Errno::EIO)?;
        PathBuffer::from(text).map_err(|_| Errno::EIO)
    }

    fn is_higher_than(&self, directory: InodeId, levels: usize) -> Result<bool> {
        let state = &mut *self.state.lock();
        let bound = state.directory(directory)?.levels_below;
        Ok(usize::from(bound) > levels && usize::from(state.count_levels(directory)) > levels)
    }

    fn statistics(&self) -> Statistics {
        let state = self.state.lock();
        let free = state.space.limit_pages.saturating_sub(state.space.used_pages);
        let free_inodes = free.saturating_mul(RECORDS_PER_PAGE);
        Statistics {
            block_bytes: RAM_PAGE_BYTES as u32,
            total_blocks: state.space.limit_pages.max(state.space.used_pages),
            free_blocks: free,
            total_inodes: free_inodes.saturating_add(state.table.live),
            free_inodes,
        }
    }

    fn page_use(&self, page: u32) -> Option<PageUse> {
        self.state.lock().use_of(page)
    }

    fn entry_of(&self, inode: InodeId) -> Option<(InodeId, Name)> {
        self.state.lock().entry_of(inode)
    }

    fn open(&self, inode: InodeId) -> Result<Contents> {
        let mut state = self.state.lock();
        match state.inode(inode)?.kind {
            Some(Kind::Directory) => Err(Errno::EISDIR),
            Some(Kind::Link) => Err(Errno::ELOOP),
            _ => {
                state.change(inode, |inode| inode.opens = inode.opens.saturating_add(1));
                Ok(Contents::Stored)
            }
        }
    }

    fn close(&self, inode: InodeId) {
        let mut state = self.state.lock();
        state.change(inode, |inode| inode.opens = inode.opens.saturating_sub(1));
        if state.inode(inode).is_ok_and(|inode| inode.links == 0) {
            state.free_inode(inode);
        }
    }

    fn read(&self, inode: InodeId, offset: u64, target: &mut [u8]) -> Result<usize> {
        let state = self.state.lock();
        let inode = state.file(inode)?;
        Ok(state.read(&inode, offset, target))
    }

    fn write(&self, id: InodeId, at: WriteAt, bytes: &[u8]) -> Result<(u64, usize)> {
        let state = &mut *self.state.lock();
        let mut inode = state.file(id)?;
        let offset = match at {
            WriteAt::Offset(offset) => offset,
            WriteAt::End => inode.size_bytes,
        };
        let written = state.write(&mut inode, offset, bytes);
        if !bytes.is_empty() {
            inode.modified_ns = (self.now)();
        }
        state.table.set(&state.space, id, inode);
        written.map(|count| (offset, count))
    }

    fn set_size(&self, id: InodeId, size_bytes: u64) -> Result<()> {
        let state = &mut *self.state.lock();
        let mut inode = state.file(id)?;
        state.set_size(&mut inode, size_bytes)?;
        inode.modified_ns = (self.now)();
        state.table.set(&state.space, id, inode);
        Ok(())
    }

    fn touch(&self, inode: InodeId) -> Result<()> {
        let mut state = self.state.lock();
        state.inode(inode)?;
        state.change(inode, |inode| inode.modified_ns = (self.now)());
        Ok(())
    }

    fn create(&self, parent: InodeId, name: &str, new: New<'_>) -> Result<InodeId> {
        let now_ns = (self.now)();
        let state = &mut *self.state.lock();
        let directory = state.directory(parent)?;
        if directory::find(&state.space, &directory, name).is_some() {
            return Err(Errno::EEXIST);
        }
        let mut inode = Inode::new(new.kind(), parent, now_ns);
        let id = state.table.add(&mut state.space, inode)?;
        // On failure the inode, which has no name yet, is freed with its pages.
        let made = state.inode(id).and_then(|added| {
            inode = added;
            if let New::Link(target) = new
                && state.write(&mut inode, 0, target.as_bytes())? < target.len()
            {
                return Err(Errno::ENOSPC);
            }
            Ok(())
        });
        state.table.set(&state.space, id, inode);
        made.and_then(|()| state.add_entry(parent, name, (id, new.kind()), now_ns))
            .inspect_err(|_| state.free_inode(id))?;
        Ok(id)
    }

    fn remove(&self, parent: InodeId, name: &str, sort: Sort) -> Result<()> {
        let state = &mut *self.state.lock();
        let directory = state.directory(parent)?;
        let entry = directory::find(&state.space, &directory, name).ok_or(Errno::ENOENT)?;
        match (entry.kind, sort) {
            (Kind::Directory, Sort::Other) => return Err(Errno::EISDIR),
            (Kind::Directory, Sort::Directory) if state.inode(entry.inode)?.entries > 0 => {
                return Err(Errno::ENOTEMPTY);
            }
            (Kind::Directory, Sort::Directory) | (_, Sort::Other) => {}
            (_, Sort::Directory) => return Err(Errno::ENOTDIR),
        }
        state.remove_entry(parent, entry, (self.now)())?;
        state.free_inode(entry.inode);
        Ok(())
    }

    fn rename(&self, from: (InodeId, &str), to: (InodeId, &str)) -> Result<()> {
        let now_ns = (self.now)();
        let state = &mut *self.state.lock();
        let (old, new) = (state.directory(from.0)?, state.directory(to.0)?);
        let moved = directory::find(&state.space, &old, from.1).ok_or(Errno::ENOENT)?;
        let replaced = directory::find(&state.space, &new, to.1);
        let is_directory = moved.kind == Kind::Directory;
        if is_directory && state.table.ancestors(&state.space, to.0).any(|above| above == moved.inode) {
            return Err(Errno::EINVAL);
        }
        match replaced {
            Some(replaced) if replaced.inode == moved.inode => return Ok(()),
            Some(replaced) => {
                match (is_directory, replaced.kind == Kind::Directory) {
                    (true, false) => return Err(Errno::ENOTDIR),
                    (false, true) => return Err(Errno::EISDIR),
                    (true, true) if state.inode(replaced.inode)?.entries > 0 => return Err(Errno::ENOTEMPTY),
                    _ => {}
                }
                directory::replace(&state.space, &new, replaced.offset, (moved.inode, moved.kind));
                state.change(to.0, |directory| directory.modified_ns = now_ns);
                state.raise_levels(to.0, (moved.inode, moved.kind));
                state.free_inode(replaced.inode);
            }
            None => state.add_entry(to.0, to.1, (moved.inode, moved.kind), now_ns)?,
        }
        state.remove_entry(from.0, moved, now_ns)?;
        if is_directory {
            state.change(moved.inode, |directory| directory.parent = to.0);
        }
        Ok(())
    }
}
