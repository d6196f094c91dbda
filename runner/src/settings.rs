//! What the environment says: which ISO, which acceleration, and the machine that `make run` asks for.
//!
//! The Makefile exports its knobs (`make run MEMORY=64M`), so that there is one spelling for both. An unset
//! and an empty variable are the same.

use std::env;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::machine::{DEFAULT, Firmware, Machine};

/// OVMF's image with its variables inside, where distributions put it.
const OVMF_PLACES: [&str; 4] = [
    "/usr/share/ovmf/OVMF.fd",
    "/usr/share/OVMF/OVMF.fd",
    "/usr/share/edk2/x64/OVMF.4m.fd",
    "/usr/share/edk2/ovmf/OVMF.fd",
];

/// The most machines that run at once.
const MAX_JOBS: usize = 16;

/// The choices that hold for every machine of one run.
pub(crate) struct Settings {
    /// Folder of `tally.iso` and `tally.elf`, and of `tally-product.*`.
    pub(crate) build: PathBuf,
    /// QEMU's `-accel`. TCG unless asked for: a `/dev/kvm` that opens may still hang.
    pub(crate) accelerator: String,
    /// How many machines run at once in a test.
    pub(crate) jobs: usize,
    /// The firmware for UEFI, if it was found.
    pub(crate) ovmf: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn from_environment() -> Result<Self> {
        let build = PathBuf::from(variable("BUILD").unwrap_or_else(|| "build".into()));
        let jobs = match variable("JOBS") {
            None => usual_jobs(),
            Some(text) => text
                .parse()
                .ok()
                .filter(|jobs| (1..=MAX_JOBS).contains(jobs))
                .ok_or(Error::Setting { name: "JOBS", value: text, expected: "1 to 16" })?,
        };
        let ovmf = variable("OVMF")
            .map(PathBuf::from)
            .or_else(|| OVMF_PLACES.iter().map(PathBuf::from).find(|place| place.exists()));
        let accelerator = variable("ACCEL").unwrap_or_else(|| "tcg".into());
        Ok(Self { build, accelerator, jobs, ovmf })
    }

    pub(crate) fn iso(&self) -> PathBuf {
        self.build.join("tally.iso")
    }

    /// The ISO of the kernel without its feature `lab`.
    pub(crate) fn product_iso(&self) -> PathBuf {
        self.build.join("tally-product.iso")
    }

    pub(crate) fn product_elf(&self) -> PathBuf {
        self.build.join("tally-product.elf")
    }

    pub(crate) fn elf(&self) -> PathBuf {
        self.build.join("tally.elf")
    }

    /// Folder of the machines' logs; made when missing.
    pub(crate) fn logs(&self) -> Result<PathBuf> {
        let logs = self.build.join("logs");
        std::fs::create_dir_all(&logs).map_err(Error::host(format!("making {}", logs.display())))?;
        Ok(logs)
    }

    pub(crate) fn ovmf(&self) -> Result<&Path> {
        self.ovmf.as_deref().ok_or(Error::Setting {
            name: "OVMF",
            value: String::new(),
            expected: "the path of OVMF.fd, UEFI's firmware for QEMU",
        })
    }
}

/// The words of the environment that describe the machine for a person; `machine` borrows from them.
pub(crate) struct Wishes {
    board: Option<String>,
    cpu: Option<String>,
    firmware: Option<String>,
    memory: Option<String>,
    vga: Option<String>,
    cmdline: Option<String>,
}

impl Wishes {
    pub(crate) fn from_environment() -> Self {
        Self {
            board: variable("MACHINE"),
            cpu: variable("CPU"),
            firmware: variable("FIRMWARE"),
            memory: variable("MEMORY"),
            vga: variable("VGA"),
            cmdline: variable("CMDLINE"),
        }
    }

    /// The default machine with the wishes carried out.
    pub(crate) fn machine(&self) -> Result<Machine<'_>> {
        Ok(Machine {
            board: self.board.as_deref().unwrap_or(DEFAULT.board),
            cpu: self.cpu.as_deref().unwrap_or(DEFAULT.cpu),
            firmware: match self.firmware.as_deref() {
                None | Some("bios") => Firmware::Bios,
                Some("uefi") => Firmware::Uefi,
                Some(other) => {
                    return Err(Error::Setting {
                        name: "FIRMWARE",
                        value: other.into(),
                        expected: "bios or uefi",
                    });
                }
            },
            memory_mib: match self.memory.as_deref() {
                None => DEFAULT.memory_mib,
                Some(text) => parse_mebibytes(text).ok_or(Error::Setting {
                    name: "MEMORY",
                    value: text.into(),
                    expected: "a size such as 64M or 3G",
                })?,
            },
            vga: self.vga.as_deref().unwrap_or(DEFAULT.vga),
            cmdline: self.cmdline.as_deref().unwrap_or(DEFAULT.cmdline),
            ..DEFAULT
        })
    }
}

/// One machine more than there are CPUs, as machines also wait: for a timer, or for a file.
fn usual_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).saturating_add(1).min(MAX_JOBS)
}

/// `64`, `64M` or `3G` as mebibytes, as QEMU's `-m` reads them.
fn parse_mebibytes(text: &str) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix(['G', 'g']) {
        Some(digits) => (digits, 1024),
        None => (text.strip_suffix(['M', 'm']).unwrap_or(text), 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// An environment variable, unless it is unset or empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::parse_mebibytes;

    #[test]
    fn sizes_are_read_as_qemu_reads_them() {
        assert_eq!(parse_mebibytes("64"), Some(64));
        assert_eq!(parse_mebibytes("64M"), Some(64));
        assert_eq!(parse_mebibytes("3g"), Some(3072));
        assert_eq!(parse_mebibytes("M"), None);
        assert_eq!(parse_mebibytes("99999999999999999999G"), None);
    }
}
