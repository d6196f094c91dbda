//! QEMU's `virt` without firmware: entered in machine mode, serial port 16550, device `sifive_test`.

use core::arch::{asm, global_asm};

global_asm!(
    r#"
    .section .text.start, "ax"
    .globl start
    start:
    la sp, stack_end
    li s0, 0
    li ra, 0
    call enter
    "#
);

pub(crate) fn put(byte: u8) {
    // SAFETY: the data register of the serial port, which is nobody else's.
    unsafe { (0x1000_0000 as *mut u8).write_volatile(byte) };
}

pub(crate) fn power_off() -> ! {
    // SAFETY: QEMU's device ends the machine.
    unsafe { (0x10_0000 as *mut u32).write_volatile(0x5555) };
    loop {
        core::hint::spin_loop();
    }
}

pub(crate) fn mask_interrupts() -> usize {
    let status: usize;
    // SAFETY: reads the status, and masks interrupts.
    unsafe { asm!("csrrci {}, mstatus, 8", out(reg) status) };
    status
}

pub(crate) fn restore_interrupts(status: usize) {
    // SAFETY: they were so before.
    unsafe { asm!("csrs mstatus, {}", in(reg) status & 8) };
}
