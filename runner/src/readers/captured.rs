//! The files of a machine's /proc, as files of this computer.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::grammar::FILES;
use crate::vm::Vm;

/// A folder with the contents of a machine's /proc.
pub(crate) struct Captured {
    folder: PathBuf,
    pid: u64,
}

impl Captured {
    /// Copies every file that Linux has from the machine into a folder among its logs.
    ///
    /// The contents of `self` are in a folder named by the number of the process, and `self` is a link to it.
    pub(crate) fn take(vm: &mut Vm) -> Result<Self> {
        Self::fill(vm.log_file("proc"), |file| vm.read_file(&format!("/proc/{file}")))
    }

    /// Writes into `folder` what `read` reads.
    pub(super) fn fill(folder: PathBuf, mut read: impl FnMut(&str) -> Result<String>) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::host(format!("emptying {}", folder.display())))?;
        }
        let stat = read("self/stat")?;
        let pid = stat.split(' ').next().and_then(|digits| digits.parse::<u64>().ok());
        let pid = pid.ok_or_else(|| Error::Wrong(format!("self/stat begins without a number: `{stat}`")))?;
        let (own, link) = (folder.join(pid.to_string()), folder.join("self"));
        fs::create_dir_all(&own).map_err(Error::host(format!("making {}", own.display())))?;
        symlink(pid.to_string(), &link).map_err(Error::host(format!("linking {}", link.display())))?;
        for (file, _) in FILES {
            let path = folder.join(file);
            fs::write(&path, read(file)?).map_err(Error::host(format!("writing {}", path.display())))?;
        }
        Ok(Self { folder, pid })
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process that `self` is.
    pub(super) fn pid(&self) -> u64 {
        self.pid
    }

    /// One file's text.
    pub(crate) fn text(&self, file: &str) -> Result<String> {
        let path = self.folder.join(file);
        fs::read_to_string(&path).map_err(Error::host(format!("reading {}", path.display())))
    }

    /// All words after a label that begins a line, such as `cpu0` or `MemTotal:`.
    pub(super) fn words(&self, file: &str, label: &str) -> Result<Vec<String>> {
        let text = self.text(file)?;
        let mut lines = text.lines().map(str::split_whitespace);
        let found =
            lines.find_map(|mut words| (words.next() == Some(label)).then(|| words.map(str::to_owned)));
        match found {
            Some(words) => Ok(words.collect()),
            None => Err(Error::Wrong(format!("{file} has no line `{label}`"))),
        }
    }

    /// The number at a position after a label that begins a line.
    pub(super) fn number(&self, file: &str, label: &str, place: usize) -> Result<u64> {
        let words = self.words(file, label)?;
        let number = words.get(place).and_then(|word| word.parse().ok());
        number.ok_or_else(|| {
            Error::Wrong(format!("{file} has no number in place {place} of its line `{label}`"))
        })
    }
}
