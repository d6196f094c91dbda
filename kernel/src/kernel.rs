//! From the boot loader to the shell.

use core::panic::PanicInfo;

use boot::{BootError, BootInfo, PhysicalRange};

use crate::arch::{self, acpi, clock, cpu, exceptions, image, paging, serial};
use crate::{console, logger, memory};

/// Where the entry code arrives, on its 64 KiB stack, with the boot tables in place.
#[unsafe(no_mangle)]
extern "C" fn tally_main(information: u32) -> ! {
    clock::start();
    arch::init_early();
    clock::calibrate();
    serial::init();
    logger::init(log::LevelFilter::Info);

    let info = read_boot_information(information).unwrap_or_else(|error| stop(&error));
    memory::init(&info).unwrap_or_else(|error| stop(&error));
    console::init(info.framebuffer);
    acpi::init(&info.rsdp);
    arch::init_devices();
    log::info!("Tally {}, started by {}", env!("CARGO_PKG_VERSION"), info.loader);
    memory::heap::print_mem_stats();
    console::flush();
    loop {
        clock::idle_unless(|| false);
    }
}

fn read_boot_information(physical: u32) -> Result<BootInfo, BootError> {
    // SAFETY: the entry code hands the loader's address on; the boot tables map the first 4 GiB there.
    let bytes = unsafe { boot::read_boot_information(physical, paging::DIRECT_MAP) }?;
    let own = PhysicalRange { start: physical.into(), end: u64::from(physical) + bytes.len() as u64 };
    let image = image::whole();
    let image = PhysicalRange { start: image::physical(image.start), end: image::physical(image.end) };
    BootInfo::parse(bytes, &[image, own])
}

/// Ends a boot that cannot go on.
fn stop(error: &dyn core::fmt::Display) -> ! {
    console::write_emergency(format_args!("boot failed: {error}\n"));
    cpu::halt_forever();
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cpu::mask_interrupts();
    console::write_emergency(format_args!("\n\x1b[1;31mpanic\x1b[0m: {info}\ncall stack:\n"));
    let _ = exceptions::write_call_stack(cpu::frame_pointer(), &mut console::Emergency);
    console::write_emergency(format_args!("stopped\n"));
    cpu::halt_forever();
}
