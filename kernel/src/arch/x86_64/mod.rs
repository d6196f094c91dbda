//! x86-64, as QEMU's `pc` and `q35` machines and ordinary PCs have it.

pub(crate) mod acpi;
pub(crate) mod backtrace;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod cpuid;
pub(crate) mod devices;
pub(crate) mod direct_map;
pub(crate) mod exceptions;
#[cfg(feature = "lab")]
pub(crate) mod faults;
pub(crate) mod framebuffer;
pub(crate) mod fw_cfg;
pub(crate) mod gdt;
pub(crate) mod guarded;
pub(crate) mod idt;
pub(crate) mod image;
pub(crate) mod keyboard;
pub(crate) mod paging;
mod pci;
#[cfg(feature = "lab")]
pub(crate) mod periodic;
pub(crate) mod pic;
pub(crate) mod power;
pub(crate) mod registers;
pub(crate) mod rtc;
pub(crate) mod serial;
pub(crate) mod stack_end;
pub(crate) mod stacks;
pub(crate) mod vga_text;
pub(crate) mod virtio_console;

use core::ops::Range;

use spin::Once;

pub(crate) use x86::bits64::paging::{PAddr, VAddr};

/// The length of a range of addresses.
pub(crate) fn size_bytes(span: &Range<VAddr>) -> usize {
    (span.end - span.start).as_usize()
}

/// Sets up descriptor tables and exception handlers: from here on, faults are reported.
pub(crate) fn init_early() {
    stacks::set_current(&stacks::main_stack());
    gdt::init();
    idt::init();
}

/// The receiver of bytes typed on serial line and keyboard.
static ON_BYTE: Once<fn(u8)> = Once::new();

/// Starts date, timer, the virtio console, and the interrupts of serial line and keyboard. Typed bytes are passed to `on_byte`, with interrupts
/// masked.
pub(crate) fn init_devices(on_byte: fn(u8)) {
    ON_BYTE.call_once(|| on_byte);
    rtc::init();
    pic::init();
    clock::init();
    virtio_console::init();
    serial::enable_input();
    keyboard::init();
    cpu::enable_interrupts();
}

/// Passes a typed byte on.
fn typed(byte: u8) {
    if let Some(on_byte) = ON_BYTE.get() {
        on_byte(byte);
    }
}
