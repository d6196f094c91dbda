# Calls that can be ended from any function inside them.

.section .bss
.align 8
guarded_caller:
    .skip 8

.section .text

# rdi: the top of the stack to run on, rsi: a function of one argument, rdx: that argument.
# Returns 0 when the function has returned, 1 when it was abandoned.
.global guarded_enter
guarded_enter:
    push rbp
    mov rbp, rsp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [guarded_caller], rsp
    mov rsp, rdi
    mov rdi, rdx
    call rsi
    xor eax, eax
guarded_return:
    mov rsp, [guarded_caller]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

# Abandons the running function and its stack.
.global guarded_leave
guarded_leave:
    cld
    mov eax, 1
    jmp guarded_return
