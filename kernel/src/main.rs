//! The Tally kernel: the boot story, from the boot loader to the shell.
//!
//! From here: `memory` for where bytes come from, `proc` for the files that report them, `commands` for the shell,
//! `arch` for the machine. ARCHITECTURE.md has the rooms, and which may use which.
#![no_std]
#![no_main]

extern crate alloc;

mod arch;
#[cfg(feature = "lab")]
mod bench;
mod boot_info;
#[cfg(feature = "lab")]
mod bugs;
mod commands;
mod config;
mod console;
mod crash;
mod dev;
mod fs;
mod logger;
mod memory;
mod proc;
#[cfg(feature = "lab")]
mod selftest;
mod symbols;
mod sync;

use core::fmt::Display;
use core::panic::PanicInfo;

use boot::PhysicalRange;

use crate::arch::{acpi, clock, exceptions, serial, stack_end, stacks};
use crate::crash::black_box;
use crate::memory::leaks::marks;

/// Where the entry code arrives, on its 128 KiB stack, with the boot tables in place.
///
/// This frame is on the stack for ever, and so a root of every scan for leaks: nothing is done in it.
#[unsafe(no_mangle)]
extern "C" fn tally_main(information: u32) -> ! {
    stack_end::call_boot(boot_up, information);
    // The shell's frames lie where those of the boot did, and have places that nothing writes.
    stacks::clear_unused();
    commands::run_shell(console::wait_for_key)
}

/// Everything up to the shell.
#[inline(never)]
fn boot_up(information: u32) {
    clock::start();
    exceptions::on_fault(crash::faulted);
    arch::init_early();
    clock::calibrate();
    serial::init();

    let info = boot_info::keep(information).unwrap_or_else(|error| stop(&error));
    let config = config::apply(info);
    memory::init(info, &config).unwrap_or_else(|error| stop(&error));
    memory::heap::configure(&config);
    black_box::init();
    memory::failures::configure(&config);
    console::init(info.framebuffer, logger::for_each);
    symbols::init(info, config.symbols);
    acpi::init(&info.rsdp);
    arch::init_devices(console::input::push);
    fs::mount(dev::file_system(), &proc::PROC, config.tmpfs_size).unwrap_or_else(|error| stop(&error));

    log::info!("Tally {}, started by {}", env!("CARGO_PKG_VERSION"), info.loader);
    let usable_kib = info.usable.iter().map(PhysicalRange::size_bytes).sum::<u64>() / 1024;
    let managed_kib = kib(memory::total_pages());
    log::info!(
        "memory: {usable_kib} KiB usable: {managed_kib} managed, {} for page tables and metadata",
        usable_kib - managed_kib
    );
    memory::heap::print_mem_stats();
    if config.is_demo_wanted {
        memory::demo::count_along();
    }
    if let Err(error) = marks::set(marks::BOOT) {
        log::warn!("leaks: there is no mark of the boot: {error}");
    }
    log::info!("ready; type help");
    console::ask_for_size();
}

fn kib(pages: usize) -> u64 {
    (pages * tally_heap::PAGE_BYTES / 1024) as u64
}

/// Ends a boot that cannot continue.
fn stop(error: &dyn Display) -> ! {
    console::write_emergency(format_args!("boot failed: {error}\n"));
    crash::stop();
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    crash::panicked(info)
}
