//! What is read of a CPU's registers, for the ready-made platforms: the frame pointer, and a counter that takes one
//! instruction.

use core::arch::asm;

/// The frame pointer of the function that this is inlined into, at which lie the caller's and the return address.
#[inline(always)]
#[expect(clippy::inline_always, reason = "called as a function it would read its own")]
pub(crate) fn frame_pointer() -> usize {
    let pointer: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: copies a register.
    unsafe {
        asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "x86")]
    // SAFETY: copies a register.
    unsafe {
        asm!("mov {}, ebp", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: copies a register.
    unsafe {
        asm!("mov {}, x29", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    #[cfg(any(target_arch = "riscv64", target_arch = "riscv32"))]
    // SAFETY: copies a register.
    unsafe {
        asm!("mv {}, s0", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "arm")]
    // SAFETY: copies a register, r7 in Thumb code and r11 else.
    unsafe {
        #[cfg(target_feature = "thumb-mode")]
        asm!("mov {}, r7", out(reg) pointer, options(nomem, nostack, preserves_flags));
        #[cfg(not(target_feature = "thumb-mode"))]
        asm!("mov {}, r11", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    pointer.wrapping_sub(crate::stacks::walk::FRAME_POINTER_OFFSET)
}

/// The CPU's counter: on x86 its time stamp counter, else the one that its timer counts.
#[inline]
pub(crate) fn counter() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every CPU of this kind has it.
    let count = unsafe { core::arch::x86_64::_rdtsc() };
    #[cfg(target_arch = "x86")]
    // SAFETY: each that Rust makes code for has it.
    let count = unsafe { core::arch::x86::_rdtsc() };
    #[cfg(target_arch = "aarch64")]
    let count = {
        let count: u64;
        // SAFETY: reads a counter.
        unsafe { asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack, preserves_flags)) };
        count
    };
    #[cfg(target_arch = "riscv64")]
    let count = {
        let count: u64;
        // SAFETY: reads a counter.
        unsafe { asm!("rdtime {}", out(reg) count, options(nomem, nostack, preserves_flags)) };
        count
    };
    #[cfg(any(target_arch = "riscv32", target_arch = "arm"))]
    let count = 0;
    count
}
