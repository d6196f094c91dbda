# Stacks for exceptions that cannot use the interrupted stack, each above a guard page that the kernel leaves
# unmapped.

.set IST_STACK_BYTES, 16384

.section .bss
.align 4096
.global ist_stacks
ist_stacks:
    .rept 3
    .skip 4096
    .skip IST_STACK_BYTES
    .endr

# The stack for guarded calls, above such a page too.
.set GUARDED_STACK_BYTES, 65536

.global guarded_stack_guard
guarded_stack_guard:
    .skip 4096
.global guarded_stack_bottom
guarded_stack_bottom:
    .skip GUARDED_STACK_BYTES
.global guarded_stack_top
guarded_stack_top:
