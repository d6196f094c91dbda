//! The operations on open files: reading, writing, seeking, listing.

use crate::errno::{Errno, Result};
use crate::filesystem::{Contents, FileSystem, WriteAt};
use crate::generated::Commands;
use crate::inode::{DirectoryEntry, Metadata};
use crate::open_files::{Body, FileDescriptor, OpenFile, OpenFlags, SeekFrom};
use crate::reader::{LineGatherer, Reader};
use crate::vfs::{Opened, Vfs};

impl Vfs {
    /// Opens a file, or a directory to list it. Generated text is rendered now, or batch by batch while it is read.
    ///
    /// # Errors
    ///
    /// As for [`Vfs::metadata`]; `EACCES` or `EROFS` where the flags ask for more than the file allows; `EISDIR`
    /// for writing to a directory; `EEXIST` with `EXCLUSIVE`; `EINVAL` where nothing is to be read or written;
    /// `EMFILE`; `ENOMEM` when there is no memory for a buffer; `ENOSPC`; `EIO` when the text could not be made.
    pub fn open(&self, cwd: &str, path: &str, flags: OpenFlags) -> Result<FileDescriptor> {
        if !flags.intersects(OpenFlags::READ | OpenFlags::WRITE)
            || flags.intersects(OpenFlags::APPEND | OpenFlags::TRUNCATE) && !flags.contains(OpenFlags::WRITE)
        {
            return Err(Errno::EINVAL);
        }
        // The slot is reserved first: if the table is full, no file must be created.
        let descriptor = self.open_files.lock().reserve()?;
        let file = self.open_place(cwd, path, flags).and_then(|opened| {
            let body = self.open_body(&opened, flags)?;
            Ok(OpenFile { place: opened.place, flags, offset: 0, body })
        });
        let mut open_files = self.open_files.lock();
        match file {
            Ok(file) => {
                open_files.put(descriptor, file);
                Ok(descriptor)
            }
            Err(error) => {
                open_files.release(descriptor);
                Err(error)
            }
        }
    }

    /// The body of an opened file. On failure the file is closed in its file system.
    fn open_body(&self, opened: &Opened, flags: OpenFlags) -> Result<Body> {
        let Some(contents) = opened.contents else { return Ok(Body::Directory) };
        let (filesystem, inode) = (opened.filesystem, opened.place.inode);
        self.body_of(contents, flags)
            .and_then(|body| {
                if matches!(body, Body::Stored) && flags.contains(OpenFlags::TRUNCATE) {
                    filesystem.set_size(inode, 0)?;
                }
                Ok(body)
            })
            .inspect_err(|_| filesystem.close(inode))
    }

    fn body_of(&self, contents: Contents, flags: OpenFlags) -> Result<Body> {
        Ok(match contents {
            Contents::Text(text) => Body::Generated(Reader::of_text(text, self.buffers)?),
            Contents::Table(table) => Body::Generated(Reader::of_table(table, self.buffers)?),
            Contents::Device(device) => Body::Device(device),
            Contents::Stored => Body::Stored,
            Contents::Control(control) => self.control_body(Commands::Text(control), flags)?,
            Contents::ControlTable(control) => self.control_body(Commands::Table(control), flags)?,
        })
    }

    fn control_body(&self, control: Commands, flags: OpenFlags) -> Result<Body> {
        let open = || match control {
            Commands::Text(text) => Reader::of_text(text, self.buffers),
            Commands::Table(table) => Reader::of_table(table, self.buffers),
        };
        let reader = flags.contains(OpenFlags::READ).then(open).transpose()?;
        let is_written = flags.contains(OpenFlags::WRITE);
        match is_written.then(|| LineGatherer::open(self.buffers)).transpose() {
            Ok(lines) => Ok(Body::Control { control, reader, lines }),
            Err(error) => {
                if let Some(reader) = reader {
                    reader.close(self.buffers);
                }
                Err(error)
            }
        }
    }

    /// Takes the file out of its slot for `operation`, so that no lock is held meanwhile.
    fn with_file<T>(
        &self,
        descriptor: FileDescriptor,
        operation: impl FnOnce(&mut OpenFile, &dyn FileSystem) -> Result<T>,
    ) -> Result<T> {
        let mut file = self.open_files.lock().take(descriptor)?;
        let filesystem = self.mounts.lock().filesystem(file.place);
        let result = filesystem.and_then(|filesystem| operation(&mut file, filesystem));
        self.open_files.lock().put(descriptor, file);
        result
    }

    /// Reads from the file's offset on, and returns how many bytes were read; 0 at the end.
    ///
    /// # Errors
    ///
    /// `EBADF`, also where it is not open to read; `EISDIR`; `EBUSY` while another uses the same descriptor;
    /// `EIO` when the text could not be made; a device's own.
    pub fn read(&self, descriptor: FileDescriptor, target: &mut [u8]) -> Result<usize> {
        self.with_file(descriptor, |file, filesystem| {
            if !file.flags.contains(OpenFlags::READ) {
                return Err(Errno::EBADF);
            }
            let count = match &mut file.body {
                Body::Directory => return Err(Errno::EISDIR),
                Body::Generated(reader) | Body::Control { reader: Some(reader), .. } => {
                    reader.read(file.offset, target)?
                }
                Body::Control { reader: None, .. } => return Err(Errno::EBADF),
                Body::Device(device) => return device.read(&mut file.offset, target),
                Body::Stored => filesystem.read(file.place.inode, file.offset, target)?,
            };
            file.offset = file.offset.saturating_add(count as u64);
            Ok(count)
        })
    }

    /// Writes at the file's offset, or with `APPEND` at the end, and returns how many bytes were written: fewer than
    /// given when the file system is full.
    ///
    /// # Errors
    ///
    /// `EBADF`, also where it is not open to write; `EBUSY` while another uses the same descriptor; `ENOSPC`,
    /// `ENOMEM` or `EFBIG` when not even one byte could be written; a device's or a control file's own.
    pub fn write(&self, descriptor: FileDescriptor, bytes: &[u8]) -> Result<usize> {
        self.with_file(descriptor, |file, filesystem| {
            if !file.flags.contains(OpenFlags::WRITE) {
                return Err(Errno::EBADF);
            }
            let (start, count) = match &mut file.body {
                Body::Control { control, lines: Some(lines), .. } => {
                    (file.offset, lines.write(*control, bytes)?)
                }
                Body::Device(device) => (file.offset, device.write(bytes)?),
                Body::Stored => {
                    let is_appended = file.flags.contains(OpenFlags::APPEND);
                    let at = if is_appended { WriteAt::End } else { WriteAt::Offset(file.offset) };
                    filesystem.write(file.place.inode, at, bytes)?
                }
                Body::Directory | Body::Generated(_) | Body::Control { .. } => return Err(Errno::EBADF),
            };
            file.offset = start.saturating_add(count as u64);
            Ok(count)
        })
    }

    /// Sets the file's offset, and returns it in bytes from the beginning; it may be beyond the end. A directory can only
    /// be rewound.
    ///
    /// # Errors
    ///
    /// `EBADF`; `EBUSY` while another uses the same descriptor; `EINVAL` for an offset before the
    /// beginning, one from the end of a file of unknown length, and any but 0 in a directory.
    pub fn seek(&self, descriptor: FileDescriptor, to: SeekFrom) -> Result<u64> {
        self.with_file(descriptor, |file, filesystem| {
            let size_bytes = match &file.body {
                Body::Directory if to == SeekFrom::Start(0) => Some(0),
                Body::Directory => return Err(Errno::EINVAL),
                Body::Generated(reader) | Body::Control { reader: Some(reader), .. } => reader.size_bytes(),
                Body::Control { reader: None, .. } | Body::Device(_) => Some(0),
                Body::Stored => Some(filesystem.metadata(file.place.inode)?.size_bytes),
            };
            let offset = match to {
                SeekFrom::Start(offset) => Some(offset),
                SeekFrom::Current(distance) => file.offset.checked_add_signed(distance),
                SeekFrom::End(distance) => size_bytes.and_then(|size| size.checked_add_signed(distance)),
            };
            file.offset = offset.filter(|offset| i64::try_from(*offset).is_ok()).ok_or(Errno::EINVAL)?;
            Ok(file.offset)
        })
    }

    /// Truncates a file, or extends it by a hole that reads as zeros.
    ///
    /// # Errors
    ///
    /// `EBADF`, also where it is not open to write; `EINVAL` for what is no stored file; `EFBIG`; `EBUSY`
    /// while another uses the same descriptor.
    pub fn truncate(&self, descriptor: FileDescriptor, size_bytes: u64) -> Result<()> {
        self.with_file(descriptor, |file, filesystem| {
            if !file.flags.contains(OpenFlags::WRITE) {
                return Err(Errno::EBADF);
            }
            match file.body {
                Body::Stored => filesystem.set_size(file.place.inode, size_bytes),
                _ => Err(Errno::EINVAL),
            }
        })
    }

    /// An open file's metadata.
    ///
    /// # Errors
    ///
    /// `EBADF`; `EBUSY` while another uses the same descriptor; `ENOENT` for a directory that was removed.
    pub fn metadata_of(&self, descriptor: FileDescriptor) -> Result<Metadata> {
        self.with_file(descriptor, |file, filesystem| filesystem.metadata(file.place.inode))
    }

    /// Whether two descriptors have the same file open.
    ///
    /// # Errors
    ///
    /// `EBADF`; `EBUSY` while another uses one of the descriptors.
    pub fn is_same_file(&self, one: FileDescriptor, other: FileDescriptor) -> Result<bool> {
        let place_of = |descriptor| self.with_file(descriptor, |file, _| Ok(file.place));
        Ok(place_of(one)? == place_of(other)?)
    }

    /// The next entry of an open directory; `None` at the end.
    ///
    /// # Errors
    ///
    /// `EBADF`; `ENOTDIR`; `EBUSY` while another uses the same descriptor; `ENOENT` for a directory that was
    /// removed.
    pub fn read_directory(&self, descriptor: FileDescriptor) -> Result<Option<DirectoryEntry>> {
        self.with_file(descriptor, |file, filesystem| {
            let Body::Directory = file.body else { return Err(Errno::ENOTDIR) };
            let next = filesystem.read_directory(file.place.inode, file.offset)?;
            Ok(next.map(|(entry, behind)| {
                file.offset = behind;
                entry
            }))
        })
    }

    /// Closes a file or directory. A control file executes a last line without a newline.
    ///
    /// # Errors
    ///
    /// `EBADF`; `EBUSY` while another uses it. It is closed all the same where a control file's last command
    /// fails, with that command's error.
    pub fn close(&self, descriptor: FileDescriptor) -> Result<()> {
        let file = self.open_files.lock().take(descriptor)?;
        let result = self.close_body(file);
        self.open_files.lock().release(descriptor);
        result
    }

    fn close_body(&self, file: OpenFile) -> Result<()> {
        let filesystem = self.mounts.lock().filesystem(file.place)?;
        if !matches!(file.body, Body::Directory) {
            filesystem.close(file.place.inode);
        }
        match file.body {
            Body::Generated(reader) => reader.close(self.buffers),
            Body::Control { control, reader, lines } => {
                if let Some(reader) = reader {
                    reader.close(self.buffers);
                }
                return lines.map_or(Ok(()), |lines| lines.close(control, self.buffers));
            }
            Body::Directory | Body::Device(_) | Body::Stored => {}
        }
        Ok(())
    }
}
