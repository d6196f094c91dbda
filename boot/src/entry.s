# From GRUB's 32-bit protected mode to Rust in the higher half.
#
# On entry (Multiboot2 Specification, section 3.3): eax holds the loader's magic, ebx the physical address
# of the boot information, paging is off, interrupts are off, segments are flat.
#
# The boot tables map, with 2 MiB pages: the first 4 GiB at identity and at the direct map's base, the first
# GiB at the kernel's base. The kernel replaces them as soon as it has frames. A check that fails prints a
# code and the reason on the screen's top left and on COM1, and stops. docs/faults.md lists the codes.

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
.set COM1_LINE_STATUS, 0x3fd
.set TRANSMITTER_EMPTY, 0x20
.set MAX_POLLS, 0x100000         # then a byte is sent anyway: the line may not be there
.set VGA_TEXT, 0xb8000
.set WHITE_ON_RED, 0x4f
.set TAG_FRAMEBUFFER, 8
.set FRAMEBUFFER_RGB, 1
.set GLYPH_ROWS, 16

.section .boot.text, "ax"
.code32
.global tally_entry
tally_entry:
    cli
    cld
    mov esp, offset boot_stack_top - KERNEL_BASE
    mov edi, ebx                 # survives until tally_main takes it as its argument

    mov ebp, offset boot_error_loader - KERNEL_BASE
    cmp eax, LOADER_MAGIC
    jne tally_boot_error_text    # there is no boot information to find a framebuffer in

    # CPUID is there if bit 21 of the flags can be changed (Intel SDM vol. 1, 3.4.3.3).
    mov ebp, offset boot_error_cpuid - KERNEL_BASE
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

    mov ebp, offset boot_error_long_mode - KERNEL_BASE
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb tally_boot_error
    mov eax, 0x80000001
    cpuid
    bt edx, 29
    jnc tally_boot_error
    mov ebp, offset boot_error_no_execute - KERNEL_BASE
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

# Prints the text at ebp and stops. edi is the boot information's address. The screen is a framebuffer if the
# loader set one up that has all of a pixel in bytes and lies below 4 GiB; else VGA's text memory is written.
tally_boot_error:
    mov ecx, [edi]               # bytes of all tags
    add ecx, edi                 # where they end
    lea esi, [edi + 8]
4:  lea eax, [esi + 32]
    cmp eax, ecx
    ja tally_boot_error_text
    cmp dword ptr [esi], TAG_FRAMEBUFFER
    je 5f
    mov eax, [esi + 4]           # its size; the next tag starts at a multiple of 8
    add eax, 7
    and eax, ~7
    jz tally_boot_error_text
    add esi, eax
    jmp 4b
5:  cmp byte ptr [esi + 29], FRAMEBUFFER_RGB
    jne tally_boot_error_text
    cmp dword ptr [esi + 12], 0  # the upper half of the address
    jne tally_boot_error_text

    push ebp
    movzx ebx, byte ptr [esi + 28]
    shr ebx, 3                   # bytes a pixel
    mov edx, [esi + 16]          # bytes a row
    mov edi, [esi + 8]           # where the letter goes
6:  movzx esi, byte ptr [ebp]
    inc ebp
    test esi, esi
    jz 11f
    shl esi, 4
    add esi, offset {font} - KERNEL_BASE
    push edi
    mov ecx, GLYPH_ROWS
7:  push ecx
    push edi
    mov ah, [esi]                # a row of the letter, the leftmost pixel in the highest bit
    inc esi
    mov ecx, 8
8:  push ecx
    shl ah, 1
    sbb al, al                   # 0xff for a pixel of the letter, 0 around it
    mov ecx, ebx
    rep stosb
    pop ecx
    dec ecx
    jnz 8b
    pop edi
    add edi, edx
    pop ecx
    dec ecx
    jnz 7b
    pop edi
    lea edi, [edi + ebx * 8]
    jmp 6b
11: pop ebp
    jmp tally_boot_error_serial

tally_boot_error_text:
    mov esi, ebp
    mov edi, VGA_TEXT
    mov ah, WHITE_ON_RED
12: lodsb
    test al, al
    jz tally_boot_error_serial
    stosw
    jmp 12b

tally_boot_error_serial:
    movzx ebx, byte ptr [ebp]
    inc ebp
    test ebx, ebx
    jnz 13f
    mov ebx, 10                  # the end of the line
13: mov ecx, MAX_POLLS
    mov edx, COM1_LINE_STATUS
14: in al, dx
    test al, TRANSMITTER_EMPTY
    jnz 15f
    dec ecx
    jnz 14b
15: mov eax, ebx
    mov edx, COM1_DATA
    out dx, al
    cmp ebx, 10
    jne tally_boot_error_serial
16: hlt
    jmp 16b

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
boot_error_loader:
    .asciz "boot: E1: Tally must be started by a Multiboot2 loader, such as GRUB"
boot_error_cpuid:
    .asciz "boot: E2: Tally needs a 64-bit CPU with NX; this one has no CPUID"
boot_error_long_mode:
    .asciz "boot: E3: Tally needs a 64-bit CPU with NX; this one has no 64-bit mode"
boot_error_no_execute:
    .asciz "boot: E4: Tally needs a 64-bit CPU with NX; this one has no NX (no-execute pages)"
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
