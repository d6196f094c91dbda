//! The black box: the kernel's last state, in memory that survives a restart, as in Linux's ramoops.
//!
//! A record is written about once a second while the kernel waits for input, at `reboot` and `poweroff`, and at a panic
//! or exception; so a hang, or a reset by the button, leaves the last one. Two slots are written in turn: if the machine
//! stops while one is written, the other is complete. A third slot keeps the last boot's record, for `/proc/last_boot`. No
//! code here waits for a lock: figures whose lock is held are left out.

mod last;
mod write;

pub(crate) use journal::record::{Ending, Record, Writer};
pub(crate) use last::{LastBoot, last_boot};
use write::keep_if_due;
pub(crate) use write::{append_to_crash, begin_crash, finish, keep_ending};

use spin::Once;

use crate::console;

/// What identifies this build.
static BUILD: Once<u32> = Once::new();

/// Finds the last boot's record, and writes the first one of this boot. Does not use the heap.
pub(crate) fn init() {
    let mut hasher = crc32fast::Hasher::new();
    for part in crate::arch::image::constant_parts() {
        hasher.update(part);
    }
    BUILD.call_once(|| hasher.finalize());
    last::read();
    keep_ending(Ending::Running);
    console::on_wait(keep_if_due);
}

/// What identifies this build: a checksum of its code and constants.
pub(crate) fn build() -> u32 {
    BUILD.get().copied().unwrap_or(0)
}
