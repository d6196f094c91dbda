//! The boot story: from the boot loader to the shell.

use core::fmt::Display;
use core::panic::PanicInfo;

use boot::{BootError, BootInfo, PhysicalRange};
use spin::Once;
use vfs::{MountOptions, RamFs, Result, Vfs};

use crate::arch::{self, acpi, clock, cpu, fw_cfg, image, paging, serial};
use crate::config::{Config, Share};
use crate::console::input;
use crate::memory::buffers::PageBuffers;
use crate::memory::files::FilePages;
use crate::memory::marks;
use crate::{black_box, commands, console, crash, dev, logger, memory, proc, symbols};

static BOOT_INFO: Once<BootInfo> = Once::new();
static ROOT: RamFs = RamFs::new(&FilePages, clock::now_ns);
static TEMPORARY: RamFs = RamFs::new(&FilePages, clock::now_ns);

/// All files.
pub(crate) static VFS: Vfs = Vfs::new(&PageBuffers);

/// Where the entry code arrives, on its 128 KiB stack, with the boot tables in place.
#[unsafe(no_mangle)]
extern "C" fn tally_main(information: u32) -> ! {
    clock::start();
    arch::init_early();
    clock::calibrate();
    serial::init();

    let info = keep_boot_information(information).unwrap_or_else(|error| stop(&error));
    let config = configure(info);
    memory::init(info, config.heap, config.has_black_box).unwrap_or_else(|error| stop(&error));
    memory::heap::configure(&config);
    black_box::init();
    memory::failures::configure(&config);
    console::init(info.framebuffer);
    symbols::init(info, config.symbols);
    acpi::init(&info.rsdp);
    arch::init_devices();
    mount_files(config.tmpfs_size).unwrap_or_else(|error| stop(&error));

    log::info!("Tally {}, started by {}", env!("CARGO_PKG_VERSION"), info.loader);
    let usable_kib = info.usable.iter().map(PhysicalRange::size_bytes).sum::<u64>() / 1024;
    let managed_kib = kib(memory::total_pages());
    log::info!(
        "memory: {usable_kib} KiB usable: {managed_kib} managed, {} for page tables and metadata",
        usable_kib - managed_kib
    );
    memory::heap::print_mem_stats();
    if config.is_lesson_wanted {
        memory::lesson::count_along();
    }
    if let Err(error) = marks::set(marks::BOOT) {
        log::warn!("leaks: there is no mark of the boot: {error}");
    }
    log::info!("ready; type help");
    commands::run_shell(wait_for_byte)
}

/// What the boot loader said. Only called when it is known.
pub(crate) fn boot_facts() -> &'static BootInfo {
    BOOT_INFO.get().expect("the boot information is kept before any file can be read")
}

/// Reads what the boot loader said. Apart, because its copies take more of the stack than all that follows.
#[inline(never)]
fn keep_boot_information(physical: u32) -> core::result::Result<&'static BootInfo, BootError> {
    let mut info = read_boot_information(physical)?;
    extend_command_line(&mut info);
    Ok(BOOT_INFO.call_once(|| info))
}

fn read_boot_information(physical: u32) -> core::result::Result<BootInfo, BootError> {
    // SAFETY: the entry code hands the loader's address on; the boot tables map the first 4 GiB there.
    let bytes = unsafe { boot::read_boot_information(physical, paging::DIRECT_MAP) }?;
    let own = PhysicalRange { start: physical.into(), end: u64::from(physical) + bytes.len() as u64 };
    let image = image::whole();
    let image = PhysicalRange { start: image::physical(image.start), end: image::physical(image.end) };
    BootInfo::parse(bytes, &[image, own])
}

/// Puts QEMU's addition, if there is one, behind the command line from the loader.
fn extend_command_line(info: &mut BootInfo) {
    let mut buffer = [0; 512];
    let length = fw_cfg::read_file("opt/tally/cmdline", &mut buffer).unwrap_or(0);
    let addition = buffer.get(..length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
    info.is_command_line_cut |= length == buffer.len();
    let blank = if info.command_line.is_empty() || addition.is_empty() { "" } else { " " };
    for part in [blank, addition.trim_end_matches('\0')] {
        info.is_command_line_cut |= info.command_line.try_push_str(part).is_err();
    }
}

/// Reads the command line and starts the log.
fn configure(info: &BootInfo) -> Config {
    let mut config = Config::default();
    config.apply(&info.command_line, |_| {});
    logger::init(config.log_level);
    crash::set_ending(config.on_panic);
    config.apply(&info.command_line, |word| log::warn!("command line: '{word}' is unknown and ignored"));
    if info.is_command_line_cut {
        log::warn!("command line: too long, its end is ignored");
    }
    if !info.left_out.is_nothing() {
        log::warn!("boot information: {}", info.left_out);
    }
    config
}

/// The root, with /dev, /proc and /tmp on it.
fn mount_files(size: Share) -> Result<()> {
    let limit_pages = size.pages(memory::total_pages()) as u64;
    VFS.mount("rootfs", "/", &ROOT, MountOptions::ReadWrite)?;
    VFS.make_directory("/", "/dev")?;
    VFS.make_directory("/", "/proc")?;
    VFS.make_directory("/", "/tmp")?;
    VFS.mount("devtmpfs", "/dev", &dev::DEV, MountOptions::ReadWrite)?;
    VFS.mount("proc", "/proc", &proc::PROC, MountOptions::ReadWrite)?;
    VFS.mount("tmpfs", "/tmp", &TEMPORARY, MountOptions::ReadWrite)?;
    VFS.touch("/", "/tmp")?;
    // What the root needs for the mounts is there, whatever the limit.
    ROOT.set_limit_pages(limit_pages);
    TEMPORARY.set_limit_pages(limit_pages);
    Ok(())
}

/// The next byte that is typed; the CPU sleeps meanwhile.
pub(crate) fn wait_for_byte() -> u8 {
    loop {
        if let Some(byte) = input::pop() {
            return byte;
        }
        console::flush();
        black_box::keep_if_due();
        clock::idle_unless(|| !input::is_empty());
    }
}

fn kib(pages: usize) -> u64 {
    (pages * memory::frames::PAGE_BYTES / 1024) as u64
}

/// Ends a boot that cannot go on.
fn stop(error: &dyn Display) -> ! {
    console::write_emergency(format_args!("boot failed: {error}\n"));
    cpu::halt_forever();
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    crash::panicked(info)
}
