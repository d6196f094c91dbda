//! QEMU's `pc`: entered by PVH in 32-bit mode (Xen's docs/misc/pvh.pandoc), serial port COM1, device `isa-debug-exit`.

use core::arch::{asm, global_asm};

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long start

    .section .bss.tables, "aw", @nobits
    .balign 4096
    pml4: .skip 4096
    pdpt: .skip 4096
    pd:   .skip 4096

    .section .rodata.gdt, "a"
    .balign 8
    gdt: .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
    gdt_pointer: .word . - gdt - 1
    .long gdt

    .section .text.start, "ax"
    .code32
    .globl start
    start:
    cli
    movl $stack_end, %esp
    movl $pdpt, %eax
    orl $3, %eax
    movl %eax, pml4
    movl $pd, %eax
    orl $3, %eax
    movl %eax, pdpt
    xorl %ecx, %ecx
    2: movl %ecx, %eax
    shll $21, %eax
    orl $0x83, %eax
    movl %eax, pd(,%ecx,8)
    incl %ecx
    cmpl $512, %ecx
    jne 2b
    movl $pml4, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x620, %eax
    movl %eax, %cr4
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000001, %eax
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $start64
    .code64
    start64:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %ebp, %ebp
    call enter
    "#,
    options(att_syntax)
);

pub(crate) fn put(byte: u8) {
    // SAFETY: the serial port is nobody else's.
    unsafe { asm!("out dx, al", in("dx") 0x3f8_u16, in("al") byte, options(nomem, nostack)) };
}

pub(crate) fn power_off() -> ! {
    // SAFETY: QEMU's device ends the machine.
    unsafe { asm!("out dx, eax", in("dx") 0xf4_u16, in("eax") 0, options(nomem, nostack)) };
    loop {
        core::hint::spin_loop();
    }
}

pub(crate) fn mask_interrupts() -> usize {
    let flags;
    // SAFETY: reads the flags, and masks interrupts.
    unsafe { asm!("pushfq", "pop {}", "cli", out(reg) flags) };
    flags
}

pub(crate) fn restore_interrupts(flags: usize) {
    if flags & 1 << 9 != 0 {
        // SAFETY: they were on before.
        unsafe { asm!("sti", options(nostack)) };
    }
}
