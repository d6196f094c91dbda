# From GRUB's 32-bit protected mode to Rust in the higher half.
#
# On entry (Multiboot2 Specification, section 3.3): eax holds the loader's magic, ebx the physical address
# of the boot information, paging is off, interrupts are off, segments are flat.
#
# The boot tables map, with 2 MiB pages: the first 4 GiB at identity and at the direct map's base, the first
# GiB at the kernel's base. The kernel replaces them as soon as it has frames. Each check that fails prints
# one code, "boot: E1", on the screen's top left and on COM1, and stops:
#   E1 not started by a Multiboot2 loader    E2 no CPUID    E3 no long mode    E4 no no-execute pages

.set KERNEL_BASE, 0xffffffff80000000
.set LOADER_MAGIC, 0x36d76289
.set PAGE_TABLE, 0x3             # present, writable
.set LARGE_PAGE, 0x83            # present, writable, 2 MiB
.set LARGE_PAGE_BYTES, 0x200000
.set MSR_EFER, 0xc0000080
.set EFER_LME_NXE, (1 << 8) | (1 << 11)
.set CR4_PAE, 1 << 5
.set CR0_PG_WP_PE, (1 << 31) | (1 << 16) | 1
.set SELECTOR_CODE64, 0x08
.set SELECTOR_DATA64, 0x10
.set COM1_DATA, 0x3f8
.set VGA_TEXT, 0xb8000

.section .boot.text, "ax"
.code32
.global tally_entry
tally_entry:
    cli
    cld
    mov esp, offset boot_stack_top - KERNEL_BASE
    mov edi, ebx                 # survives until tally_main takes it as its argument

    mov bl, '1'
    cmp eax, LOADER_MAGIC
    jne tally_boot_error

    # CPUID is there if bit 21 of the flags can be changed (Intel SDM vol. 1, 3.4.3.3).
    mov bl, '2'
    pushfd
    pop eax
    mov ecx, eax
    xor eax, 1 << 21
    push eax
    popfd
    pushfd
    pop eax
    cmp eax, ecx
    je tally_boot_error

    mov bl, '3'
    mov eax, 0x80000000
    push ebx
    cpuid
    pop ebx
    cmp eax, 0x80000001
    jb tally_boot_error
    mov eax, 0x80000001
    push ebx
    cpuid
    pop ebx
    bt edx, 29
    jnc tally_boot_error
    mov bl, '4'
    bt edx, 20
    jnc tally_boot_error

    # Four page directories of 512 large pages each: the first 4 GiB.
    mov ecx, 0
    mov esi, offset boot_directories - KERNEL_BASE
    mov eax, LARGE_PAGE
2:  mov [esi + ecx * 8], eax
    mov dword ptr [esi + ecx * 8 + 4], 0
    add eax, LARGE_PAGE_BYTES
    inc ecx
    cmp ecx, 2048
    jb 2b

    # One pointer table for the low half and the direct map, one for the kernel's base.
    mov ecx, 0
    mov edx, offset boot_low_pointers - KERNEL_BASE
    lea eax, [esi + PAGE_TABLE]
3:  mov [edx + ecx * 8], eax
    add eax, 4096
    inc ecx
    cmp ecx, 4
    jb 3b
    lea eax, [esi + PAGE_TABLE]
    mov [boot_high_pointers - KERNEL_BASE + 510 * 8], eax

    mov ecx, offset boot_top - KERNEL_BASE
    lea eax, [edx + PAGE_TABLE]
    mov [ecx], eax
    mov [ecx + 256 * 8], eax
    mov eax, offset boot_high_pointers - KERNEL_BASE + PAGE_TABLE
    mov [ecx + 511 * 8], eax
    mov cr3, ecx

    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME_NXE
    wrmsr
    mov eax, cr0
    or eax, CR0_PG_WP_PE
    mov cr0, eax

    lgdt [boot_gdt_pointer - KERNEL_BASE]
    # Far return to the 64-bit code segment.
    push SELECTOR_CODE64
    mov eax, offset tally_entry64 - KERNEL_BASE
    push eax
    retf

# Prints "boot: E" and the character in bl, then stops.
tally_boot_error:
    mov bh, 0x4f                 # white on red
    mov ecx, offset boot_error_text - KERNEL_BASE
    mov esi, VGA_TEXT
    mov ah, bh
    mov edx, COM1_DATA
4:  mov al, [ecx]
    test al, al
    jz 5f
    mov [esi], ax
    out dx, al
    add esi, 2
    inc ecx
    jmp 4b
5:  mov al, bl
    mov [esi], ax
    out dx, al
    mov al, 10
    out dx, al
6:  hlt
    jmp 6b

.code64
tally_entry64:
    mov ax, SELECTOR_DATA64
    mov ds, ax
    mov es, ax
    mov ss, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    movabs rax, offset tally_high
    jmp rax

.section .text
.type tally_high, @function
tally_high:
    mov rsp, offset boot_stack_top
    xor ebp, ebp                 # the end of every call stack
    mov edi, edi                 # the boot information's address, upper half cleared
    push 0                       # a return address of 0 and an aligned stack
    push 0
    xor ebp, ebp
    call tally_main
7:  cli
    hlt
    jmp 7b
.size tally_high, . - tally_high

.section .boot.rodata, "a"
boot_error_text:
    .asciz "boot: E"
.align 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff     # 64-bit code
    .quad 0x00cf92000000ffff     # data
boot_gdt_pointer:
    .short boot_gdt_pointer - boot_gdt - 1
    .quad boot_gdt - KERNEL_BASE

.section .bss
.align 4096
boot_top:
    .skip 4096
boot_low_pointers:
    .skip 4096
boot_high_pointers:
    .skip 4096
boot_directories:
    .skip 4 * 4096
# The first stack, with a page below it that the kernel leaves unmapped.
.global boot_stack_guard
boot_stack_guard:
    .skip 4096
.global boot_stack_bottom
boot_stack_bottom:
    .skip 131072
.global boot_stack_top
boot_stack_top:
