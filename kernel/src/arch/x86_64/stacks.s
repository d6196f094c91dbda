# Stacks for the exceptions that cannot trust the stack they interrupt, each above a page that the kernel
# leaves unmapped.

.set IST_STACK_BYTES, 16384

.section .bss
.align 4096
.global ist_stacks
ist_stacks:
    .rept 3
    .skip 4096
    .skip IST_STACK_BYTES
    .endr
