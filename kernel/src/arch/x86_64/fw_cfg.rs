//! QEMU's configuration device: a second source for the command line.
//!
//! Source: QEMU, `docs/specs/fw_cfg.rst`.

use x86::io::{inb, outw};

const SELECTOR: u16 = 0x510;
const DATA: u16 = 0x511;
const SIGNATURE_KEY: u16 = 0x0000;
const DIRECTORY_KEY: u16 = 0x0019;
const NAME_BYTES: usize = 56;
const MAX_FILES: u32 = 1024;

fn select(key: u16) {
    // SAFETY: the device's port; without the device a write has no effect.
    unsafe { outw(SELECTOR, key) };
}

fn read<const N: usize>() -> [u8; N] {
    // SAFETY: as for `select`; reading moves the device's position only.
    core::array::from_fn(|_| unsafe { inb(DATA) })
}

/// A file of the device.
pub(crate) struct File {
    key: u16,
    size_bytes: usize,
}

impl File {
    /// Finds the file `name`. `None` if there is no such device or file.
    pub(crate) fn find(name: &str) -> Option<Self> {
        select(SIGNATURE_KEY);
        if read() != *b"QEMU" {
            return None;
        }
        select(DIRECTORY_KEY);
        let files = u32::from_be_bytes(read()).min(MAX_FILES);
        for _ in 0..files {
            let size_bytes = u32::from_be_bytes(read()) as usize;
            let key = u16::from_be_bytes(read());
            let _reserved: [u8; 2] = read();
            let found: [u8; NAME_BYTES] = read();
            let length = found.iter().position(|&byte| byte == 0).unwrap_or(NAME_BYTES);
            if found.get(..length) == Some(name.as_bytes()) {
                return Some(Self { key, size_bytes });
            }
        }
        None
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// All bytes. The device reads one file at a time.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> {
        select(self.key);
        (0..self.size_bytes).map(|_| {
            let [byte] = read();
            byte
        })
    }
}
