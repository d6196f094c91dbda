# One entry for each vector; all of them call `tally_interrupt` with the same frame:
# 15 registers, vector, error code (0 where the CPU pushes none), then what the CPU pushed.

.section .text

.macro vector_entry number, has_error_code
    .align 16
    .if \has_error_code == 0
    push 0
    .endif
    push \number
    jmp interrupt_common
.endm

.align 16
.global interrupt_entries
interrupt_entries:
.set number, 0
.rept 256
    # The exceptions that push an error code: 8, 10 to 14, 17, 21, 29, 30 (Intel SDM vol. 3A, 6.15; AMD APM
    # vol. 2, 8.2).
    .if (number == 8) || ((number >= 10) && (number <= 14)) || (number == 17) || (number == 21) || (number == 29) || (number == 30)
    vector_entry number, 1
    .else
    vector_entry number, 0
    .endif
    .set number, number + 1
.endr

# Known by name, as call stacks go through it.
.global interrupt_common
.type interrupt_common, @function
interrupt_common:
    push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    mov rdi, rsp
    call tally_interrupt
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16
    iretq
.size interrupt_common, . - interrupt_common
