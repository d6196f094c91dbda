//! QEMU's `virt`: entered at EL1, serial port PL011, powered off by PSCI.

use core::arch::{asm, global_asm};

global_asm!(
    r#"
    .section .text.start, "ax"
    .globl start
    start:
    adrp x0, stack_end
    add x0, x0, :lo12:stack_end
    mov sp, x0
    mov x29, xzr
    mov x30, xzr
    bl enter
    "#
);

pub(crate) fn put(byte: u8) {
    // SAFETY: the data register of the serial port, which is nobody else's.
    unsafe { (0x0900_0000 as *mut u32).write_volatile(byte.into()) };
}

pub(crate) fn power_off() -> ! {
    // SAFETY: SYSTEM_OFF does not return (Arm DEN 0022, section 5.9).
    unsafe { asm!("hvc #0", in("x0") 0x8400_0008_u64, options(noreturn)) };
}

pub(crate) fn mask_interrupts() -> usize {
    let flags;
    // SAFETY: reads the mask bits, and sets that of interrupts.
    unsafe { asm!("mrs {}, daif", "msr daifset, #2", out(reg) flags) };
    flags
}

pub(crate) fn restore_interrupts(flags: usize) {
    // SAFETY: they were so before.
    unsafe { asm!("msr daif, {}", in(reg) flags) };
}
