//! Other people's programs, reading our /proc.
//!
//! `captured` copies every file from a running machine into a folder that looks like Linux's /proc. Each other module
//! runs one reader on it and compares the values that it read with the figures in the text: a reader that does not fail
//! may still have read a column that has moved.

mod captured;
mod procfs;
mod procps;
mod psutil;

pub(crate) use captured::Captured;

use crate::error::{Error, Result};

/// Runs one reader, and compares.
type Reader = fn(&Captured) -> Result<()>;

/// Runs every reader.
pub(crate) fn read_all(proc: &Captured) -> Result<()> {
    read_by(proc, &[("procfs", procfs::read), ("procps", procps::read), ("psutil", psutil::read)])
}

/// Runs some readers; reports everything that failed, not just the first.
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

    /// Checks the comparison itself with a real Linux; only for root, as slabinfo is.
    #[test]
    #[ignore = "reads the Linux of this computer: cargo test -p runner -- --ignored this_computers"]
    fn this_computers_linux_is_read_the_same() {
        let folder = env::temp_dir().join(format!("runner-proc-{}", std::process::id()));
        let captured = Captured::fill(folder.clone(), |file| match file {
            // Reading the log would remove it for other readers.
            "kmsg" => Ok(String::new()),
            // Our kernel's one process is the first as well. Not every Linux has each file.
            _ => Ok(fs::read_to_string(format!("/proc/{}", file.replace("self", "1"))).unwrap_or_default()),
        });
        let outcome = captured.and_then(|captured| read_all(&captured));
        fs::remove_dir_all(folder).unwrap();
        outcome.unwrap();
    }
}
