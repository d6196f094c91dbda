# The Multiboot2 header: what GRUB looks for in the first 32 KiB of the image.
# Multiboot2 Specification version 2.0, section 3.1.

.set MULTIBOOT2_MAGIC, 0xe85250d6
.set ARCHITECTURE_I386, 0

.section .multiboot2_header, "a"
.align 8
tally_header:
    .long MULTIBOOT2_MAGIC
    .long ARCHITECTURE_I386
    .long tally_header_end - tally_header
    .long -(MULTIBOOT2_MAGIC + ARCHITECTURE_I386 + (tally_header_end - tally_header))

    # Framebuffer (3.1.10), optional: a machine without one still boots.
    .align 8
    .short 5
    .short 1
    .long 20
    .long 1024
    .long 768
    .long 32

    # Modules on page boundaries (3.1.7).
    .align 8
    .short 6
    .short 0
    .long 8

    # End.
    .align 8
    .short 0
    .short 0
    .long 8
tally_header_end:
