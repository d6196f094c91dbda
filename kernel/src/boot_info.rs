//! The boot loader's information as plain data: read once and kept.

use boot::{BootError, BootInfo, PhysicalRange};
use spin::{Mutex, MutexGuard, Once};

use crate::arch::{PAddr, direct_map, fw_cfg, image};

/// Maximum number of bytes that are read of QEMU's addition to the command line.
const MAX_ADDITION_BYTES: usize = 1 << 20;

/// The boot information. It is filled in place: a copy would take half of the stack.
static MEMORY: Mutex<BootInfo> = Mutex::new(BootInfo::EMPTY);
static BOOT_INFO: Once<&'static BootInfo> = Once::new();

/// The boot loader's information. Called only after [`keep`].
pub(crate) fn facts() -> &'static BootInfo {
    BOOT_INFO.get().expect("the boot information is kept before any file can be read")
}

/// Reads and keeps the boot loader's information. Called once.
pub(crate) fn keep(physical: u32) -> Result<&'static BootInfo, BootError> {
    let info = MutexGuard::leak(MEMORY.lock());
    read(physical, info)?;
    extend_command_line(info);
    Ok(BOOT_INFO.call_once(|| info))
}

fn read(physical: u32, info: &mut BootInfo) -> Result<(), BootError> {
    // SAFETY: the entry code hands the loader's address on; the boot tables map the first 4 GiB there.
    let bytes = unsafe {
        boot::read_boot_information(physical, direct_map::to_virtual(PAddr(physical.into())).as_ptr())
    }?;
    let start = PAddr(physical.into());
    let own = PhysicalRange::new(start, start + bytes.len());
    info.read(bytes, &[image::physical_range(&image::whole()), own])
}

/// Appends QEMU's addition, if there is one, to the loader's command line.
fn extend_command_line(info: &mut BootInfo) {
    const FILE: &str = "opt/tally/cmdline";
    if let Some(file) = fw_cfg::File::find(FILE) {
        info.command_line.add_source(FILE, file.size_bytes(), file.bytes(), MAX_ADDITION_BYTES);
    }
}
