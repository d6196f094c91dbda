//! What a kernel has before it has memory: an entry, a console, a way to power off, and critical sections.

#![no_std]

use core::fmt;
use core::ops::Range;
use core::panic::PanicInfo;

#[cfg_attr(target_arch = "x86_64", path = "arch/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "arch/aarch64.rs")]
#[cfg_attr(any(target_arch = "riscv32", target_arch = "riscv64"), path = "arch/riscv.rs")]
mod arch;

unsafe extern "C" {
    static stack_start: u8;
    static stack_end: u8;
}

unsafe extern "Rust" {
    safe fn main();
}

/// The boot stack.
pub fn stack() -> Range<usize> {
    (&raw const stack_start) as usize..(&raw const stack_end) as usize
}

/// The serial port.
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(arch::put);
        Ok(())
    }
}

#[unsafe(no_mangle)]
extern "C" fn enter() -> ! {
    main();
    arch::power_off()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = fmt::write(&mut Console, format_args!("{info}\n"));
    arch::power_off()
}

struct MaskedInterrupts;
critical_section::set_impl!(MaskedInterrupts);

// SAFETY: one CPU runs, and its interrupts are masked.
unsafe impl critical_section::Impl for MaskedInterrupts {
    unsafe fn acquire() -> usize {
        arch::mask_interrupts()
    }

    unsafe fn release(saved: usize) {
        arch::restore_interrupts(saved);
    }
}
