//! The page tables for questions about an address: where it leads, and which table or page a frame is.

use whatis::{Layout, Tables};

use super::sparse::{SPARSE_WINDOW, SPARSE_WINDOW_BYTES};
use super::window::GUARD_WINDOW;
use super::{ADDRESS, AddressSpace, DEVICE_WINDOW, DEVICE_WINDOW_BYTES, DeviceMapping, PAddr, SPACE};
use super::{VAddr, direct_map, image, read_entry};

/// Room for the window of sampled blocks: as far as one table of level 2 reaches.
const GUARD_WINDOW_BYTES: usize = 1 << 30;

impl Tables for AddressSpace {
    fn top(&self) -> u64 {
        self.top.as_u64()
    }

    fn entry(&self, table: u64, number: usize) -> u64 {
        read_entry(PAddr(table), number)
    }

    fn is_shared(&self, table: u64) -> bool {
        // The tables of what is absent from the sparse window.
        let [_, shared @ ..] = self.absent;
        shared.iter().any(|entry| entry & ADDRESS == table)
    }
}

/// Lets `look` see the tables. `None` while the address space is locked, as in a crash.
pub(crate) fn with_tables<R>(look: impl FnOnce(&dyn Tables) -> R) -> Option<R> {
    SPACE.try_lock().map(|space| look(&*space))
}

/// Whether a frame is the one page that stands for all absent pages of the sparse window.
pub(crate) fn is_page_of_zeros(frame: PAddr) -> bool {
    SPACE.try_lock().is_some_and(|space| space.absent[0] & ADDRESS == frame.as_u64())
}

/// The first mapping of a device for which `is_wanted` holds. `None` also while the address space is locked.
pub(crate) fn find_device(is_wanted: impl Fn(&DeviceMapping) -> bool) -> Option<DeviceMapping> {
    SPACE.try_lock().and_then(|space| space.devices.iter().copied().find(is_wanted))
}

/// The parts of the address space.
pub(crate) fn layout() -> Layout {
    let span = |start: VAddr, size_bytes: usize| start.as_u64()..(start + size_bytes).as_u64();
    let whole = image::whole();
    Layout {
        direct_map: direct_map::START.as_u64()..DEVICE_WINDOW.as_u64(),
        devices: span(DEVICE_WINDOW, DEVICE_WINDOW_BYTES),
        sampled: span(GUARD_WINDOW, GUARD_WINDOW_BYTES),
        metadata: span(SPARSE_WINDOW, SPARSE_WINDOW_BYTES),
        image: whole.start.as_u64()..whole.end.as_u64(),
        image_base: image::KERNEL_BASE.as_u64(),
    }
}
