//! The black box: what the kernel knew last, in memory that outlives a restart, as Linux's ramoops keeps it.
//!
//! A record is written about once a second while the kernel waits for input, at `reboot` and `poweroff`, and at a panic
//! or exception; so also a hang, or a reset by the button, leaves the last one. Two slots are written in turn: if the
//! machine stops in the middle of one, the other is whole. A third keeps what the last boot left, for `/proc/last_boot`.
//! Nothing here waits for a lock: figures whose lock is held are left out.

#[cfg(target_os = "none")]
mod last;
#[cfg(any(target_os = "none", test))]
mod record;
#[cfg(target_os = "none")]
mod write;

#[cfg(target_os = "none")]
pub(crate) use last::{LastBoot, last_boot};
#[cfg(target_os = "none")]
pub(crate) use record::{Ending, Record, Writer};
#[cfg(target_os = "none")]
pub(crate) use write::{append_to_crash, begin_crash, finish, keep_ending, keep_if_due};

#[cfg(target_os = "none")]
use spin::Once;

/// What tells this build from others.
#[cfg(target_os = "none")]
static BUILD: Once<u32> = Once::new();

/// Reads what the last boot left, and writes this one's first record. There is no heap in this.
#[cfg(target_os = "none")]
pub(crate) fn init() {
    let mut hasher = crc32fast::Hasher::new();
    for part in crate::arch::image::constant_parts() {
        hasher.update(part);
    }
    BUILD.call_once(|| hasher.finalize());
    last::read();
    keep_ending(Ending::Running);
}

/// What tells this build from others: a checksum of its code and constants.
#[cfg(target_os = "none")]
pub(crate) fn build() -> u32 {
    BUILD.get().copied().unwrap_or(0)
}
