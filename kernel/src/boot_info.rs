//! The boot loader's information as plain data: read once and kept.

use boot::{BootError, BootInfo, PhysicalRange};
use spin::{Mutex, MutexGuard, Once};

use crate::arch::{PAddr, direct_map, fw_cfg, image};

/// Bytes of QEMU's addition that are read.
const MAX_ADDITION_BYTES: usize = 1 << 20;

/// Where it stays. It is read in place: copies of it would take half of the stack.
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

/// Puts QEMU's addition, if there is one, behind the command line from the loader.
fn extend_command_line(info: &mut BootInfo) {
    const FILE: &str = "opt/tally/cmdline";
    if let Some(file) = fw_cfg::File::find(FILE) {
        let is_whole = file.size_bytes() <= MAX_ADDITION_BYTES;
        info.command_line.add(file.bytes().take(MAX_ADDITION_BYTES));
        if !is_whole {
            info.command_line.leave_out(FILE);
        }
    }
}
