# Stores the registers of the caller as an interrupt frame. rdi: address of the frame, 176 bytes.

.section .text

.global registers_capture
registers_capture:
    mov [rdi], r15
    mov [rdi + 8], r14
    mov [rdi + 16], r13
    mov [rdi + 24], r12
    mov [rdi + 32], r11
    mov [rdi + 40], r10
    mov [rdi + 48], r9
    mov [rdi + 56], r8
    mov [rdi + 64], rbp
    mov [rdi + 72], rdi
    mov [rdi + 80], rsi
    mov [rdi + 88], rdx
    mov [rdi + 96], rcx
    mov [rdi + 104], rbx
    mov [rdi + 112], rax
    mov rax, [rsp]
    mov [rdi + 136], rax
    mov [rdi + 144], cs
    mov word ptr [rdi + 146], 0
    mov dword ptr [rdi + 148], 0
    pushfq
    pop rax
    mov [rdi + 152], rax
    lea rax, [rsp + 8]
    mov [rdi + 160], rax
    mov [rdi + 168], ss
    mov word ptr [rdi + 170], 0
    mov dword ptr [rdi + 172], 0
    ret
