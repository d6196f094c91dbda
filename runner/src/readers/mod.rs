//! Programs that nobody here wrote, reading our /proc.
//!
//! `captured` takes every file out of a running machine into a folder that looks like a Linux's /proc. Each
//! neighbour lets one reader loose on it and holds what the reader understood against the figures in the text:
//! a reader that only does not fail may still have read a column that has moved.

mod captured;
mod procfs;
mod procps;
mod psutil;

pub(crate) use captured::Captured;

use crate::error::{Error, Result};

/// Lets one reader read, and compares.
type Reader = fn(&Captured) -> Result<()>;

/// Lets every reader read.
pub(crate) fn read_all(proc: &Captured) -> Result<()> {
    read_by(proc, &[("procfs", procfs::read), ("procps", procps::read), ("psutil", psutil::read)])
}

/// Lets some read; tells all that went wrong, not just the first.
fn read_by(proc: &Captured, readers: &[(&str, Reader)]) -> Result<()> {
    let failure = |(name, read): &(&str, Reader)| read(proc).err().map(|error| format!("{name}: {error}"));
    let failures: Vec<String> = readers.iter().filter_map(failure).collect();
    if failures.is_empty() { Ok(()) } else { Err(Error::Wrong(failures.join("; "))) }
}

/// Fails unless a reader's figure is the one in the text.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, read: &T, written: &T) -> Result<()> {
    if read == written {
        return Ok(());
    }
    Err(Error::Wrong(format!("{what}: {read:?} was read, the text says {written:?}")))
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::{Captured, read_all};

    /// How the comparing itself is held against a true Linux; root only, as slabinfo is.
    #[test]
    #[ignore = "reads the Linux of this computer: cargo test -p runner -- --ignored this_computers"]
    fn this_computers_linux_is_read_the_same() {
        let folder = env::temp_dir().join(format!("runner-proc-{}", std::process::id()));
        let captured = Captured::fill(folder.clone(), |file| match file {
            // Reading the log would take it away from who waits for it.
            "kmsg" => Ok(String::new()),
            // Our kernel's one process is the first as well. Not every Linux has each file.
            _ => Ok(fs::read_to_string(format!("/proc/{}", file.replace("self", "1"))).unwrap_or_default()),
        });
        let outcome = captured.and_then(|captured| read_all(&captured));
        fs::remove_dir_all(folder).unwrap();
        outcome.unwrap();
    }
}
