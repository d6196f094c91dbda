//! Files of generated text: how a node makes it, and how it is read in pieces.
//!
//! A node only makes text. Here it is kept, sliced and streamed. A [`Text`] is rendered once, when it is
//! opened, so that a reader of small pieces sees one moment. A [`Table`] may be far longer than memory: its
//! rows come batch by batch through a cursor, into one buffer.

use core::fmt::{self, Write};

use crate::errno::{Errno, Result};
use crate::filesystem::{Contents, FileSystem};
use crate::inode::{DirectoryEntry, InodeId, Kind, Metadata, Name};

/// The most bytes that one call of [`Table::rows`] or [`Table::header`] may write.
pub const BATCH_BYTES: usize = 32 << 10;
const FIRST_TEXT_BYTES: usize = 4096;
const MOST_TEXT_BYTES: usize = 4 << 20;
const ROOT: InodeId = InodeId(1);
/// The files' inodes follow the root's.
const FIRST_FILE: u64 = 2;

/// A file that is rendered whole, once, when it is opened.
pub trait Text: Sync {
    /// Writes the text.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn render(&self, out: &mut dyn Write) -> fmt::Result;
}

/// A file whose rows are written while it is read.
pub trait Table: Sync {
    /// Writes what stands before the rows.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn header(&self, out: &mut dyn Write) -> fmt::Result;

    /// Writes the rows at `cursor` (0 is the first), whole ones, at most [`BATCH_BYTES`], and says where to
    /// go on; `None` at the end.
    ///
    /// # Errors
    ///
    /// The writer's own.
    fn rows(&self, cursor: u64, out: &mut dyn Write) -> core::result::Result<Option<u64>, fmt::Error>;
}

/// How a generated file is made.
#[derive(Clone, Copy)]
pub enum Content {
    /// Whole, at once.
    Text(&'static dyn Text),
    /// Batch by batch.
    Table(&'static dyn Table),
}

/// A lender of memory for text.
pub trait Buffers: Sync {
    /// At least `size_bytes` bytes, or `None`.
    fn take(&self, size_bytes: usize) -> Option<&'static mut [u8]>;

    /// Takes a buffer back.
    fn give(&self, buffer: &'static mut [u8]);
}

/// A generated file in its directory.
#[derive(Clone, Copy)]
pub struct Node {
    /// Its name.
    pub name: &'static str,
    /// How it is made.
    pub content: Content,
}

/// One directory of generated files, all readable by everybody and writable by nobody.
pub struct GeneratedFs {
    type_name: &'static str,
    nodes: &'static [Node],
}

impl GeneratedFs {
    /// A file system of type `type_name` with these files.
    pub const fn new(type_name: &'static str, nodes: &'static [Node]) -> Self {
        Self { type_name, nodes }
    }

    fn node(&self, inode: InodeId) -> Result<&Node> {
        let number = inode.0.checked_sub(FIRST_FILE).ok_or(Errno::ENOENT)?;
        self.nodes.get(number as usize).ok_or(Errno::ENOENT)
    }

    fn check_directory(&self, inode: InodeId) -> Result<()> {
        if inode == ROOT {
            return Ok(());
        }
        self.node(inode)?;
        Err(Errno::ENOTDIR)
    }
}

impl FileSystem for GeneratedFs {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn root(&self) -> InodeId {
        ROOT
    }

    fn lookup(&self, directory: InodeId, name: &str) -> Result<InodeId> {
        self.check_directory(directory)?;
        let number = self.nodes.iter().position(|node| node.name == name).ok_or(Errno::ENOENT)?;
        Ok(InodeId(number as u64 + FIRST_FILE))
    }

    fn parent(&self, directory: InodeId) -> Result<InodeId> {
        self.check_directory(directory)?;
        Ok(ROOT)
    }

    fn metadata(&self, inode: InodeId) -> Result<Metadata> {
        if inode == ROOT {
            return Ok(Metadata { inode, kind: Kind::Directory, mode: 0o555, size_bytes: 0, links: 2 });
        }
        self.node(inode)?;
        Ok(Metadata { inode, kind: Kind::File, mode: 0o444, size_bytes: 0, links: 1 })
    }

    fn read_directory(&self, directory: InodeId, cursor: u64) -> Result<Option<(DirectoryEntry, u64)>> {
        self.check_directory(directory)?;
        let Some(node) = self.nodes.get(cursor as usize) else { return Ok(None) };
        let name = Name::from(node.name).map_err(|_| Errno::ENAMETOOLONG)?;
        let entry = DirectoryEntry { name, kind: Kind::File, inode: InodeId(cursor + FIRST_FILE) };
        Ok(Some((entry, cursor + 1)))
    }

    fn open(&self, inode: InodeId) -> Result<Contents> {
        if inode == ROOT {
            return Err(Errno::EISDIR);
        }
        Ok(Contents::Generated(self.node(inode)?.content))
    }
}

/// An open generated file.
pub(crate) struct Reader {
    content: Content,
    buffer: &'static mut [u8],
    /// Bytes of text in the buffer.
    length: usize,
    /// Where the buffer's text starts in the whole.
    start: u64,
    /// Where the next batch starts; `None` when there is none.
    next: Option<u64>,
}

impl Reader {
    /// Renders the beginning.
    pub(crate) fn open(content: Content, buffers: &dyn Buffers) -> Result<Self> {
        match content {
            Content::Text(text) => {
                let (buffer, length) = render_whole(text, buffers)?;
                Ok(Self { content, buffer, length, start: 0, next: None })
            }
            Content::Table(_) => {
                let buffer = buffers.take(BATCH_BYTES).ok_or(Errno::ENOMEM)?;
                let mut reader = Self { content, buffer, length: 0, start: 0, next: None };
                match reader.restart() {
                    Ok(()) => Ok(reader),
                    Err(error) => {
                        reader.close(buffers);
                        Err(error)
                    }
                }
            }
        }
    }

    /// Gives the buffer back.
    pub(crate) fn close(self, buffers: &dyn Buffers) {
        buffers.give(self.buffer);
    }

    /// Copies text from `offset` on and says how much; 0 at the end and behind it.
    pub(crate) fn read(&mut self, offset: u64, target: &mut [u8]) -> Result<usize> {
        if offset < self.start {
            self.restart()?;
        }
        loop {
            let end = self.start + self.length as u64;
            if offset < end {
                let from = (offset - self.start) as usize;
                let text = self.buffer.get(from..self.length).unwrap_or_default();
                let count = text.len().min(target.len());
                for (slot, byte) in target.iter_mut().zip(text) {
                    *slot = *byte;
                }
                return Ok(count);
            }
            let Some(cursor) = self.next else { return Ok(0) };
            let Content::Table(table) = self.content else { return Ok(0) };
            let mut out = Slice::new(self.buffer);
            self.next = table.rows(cursor, &mut out).map_err(|_| Errno::EIO)?;
            self.length = out.length;
            self.start = end;
        }
    }

    /// Goes back to the beginning of a table.
    fn restart(&mut self) -> Result<()> {
        if let Content::Table(table) = self.content {
            let mut out = Slice::new(self.buffer);
            table.header(&mut out).map_err(|_| Errno::EIO)?;
            self.length = out.length;
            self.start = 0;
            self.next = Some(0);
        }
        Ok(())
    }
}

/// Renders into a buffer that is large enough: the first try says how large that is.
fn render_whole(text: &dyn Text, buffers: &dyn Buffers) -> Result<(&'static mut [u8], usize)> {
    let mut size_bytes = FIRST_TEXT_BYTES;
    loop {
        let buffer = buffers.take(size_bytes).ok_or(Errno::ENOMEM)?;
        let mut out = Slice::new(buffer);
        let rendered = text.render(&mut out);
        let (length, wanted) = (out.length, out.wanted);
        if rendered.is_ok() && length == wanted {
            return Ok((buffer, length));
        }
        buffers.give(buffer);
        if rendered.is_err() || wanted > MOST_TEXT_BYTES {
            return Err(Errno::EIO);
        }
        // Some room for figures that grow by a digit meanwhile.
        size_bytes = wanted + wanted / 8;
    }
}

/// A writer into a slice that counts what it had no room for.
struct Slice<'a> {
    buffer: &'a mut [u8],
    length: usize,
    wanted: usize,
}

impl<'a> Slice<'a> {
    fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0, wanted: 0 }
    }
}

impl Write for Slice<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_whole = self.length == self.wanted;
        self.wanted += text.len();
        if is_whole && let Some(target) = self.buffer.get_mut(self.length..self.length + text.len()) {
            target.copy_from_slice(text.as_bytes());
            self.length = self.wanted;
        }
        Ok(())
    }
}
