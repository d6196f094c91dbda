//! Single instructions: interrupt flag, halt, time stamp counter, control registers.

use x86::controlregs;
use x86::cpuid::CpuId;

use super::VAddr;

/// A lock that masks interrupts while it is held.
pub(crate) type IrqLock<T> = sched::IrqLock<T, ThisCpu>;

/// The CPU that this runs on.
#[derive(Debug)]
pub(crate) enum ThisCpu {}

impl sched::Cpu for ThisCpu {
    #[inline]
    fn mask_interrupts() -> bool {
        mask_interrupts()
    }

    #[inline]
    fn restore_interrupts(were_enabled: bool) {
        restore_interrupts(were_enabled);
    }

    #[inline]
    fn is_alone() -> bool {
        is_alone()
    }
}

/// Masks interrupts on this CPU, and returns whether they were enabled.
#[inline]
pub(crate) fn mask_interrupts() -> bool {
    are_interrupts_enabled(save_flags_and_mask_interrupts())
}

/// Masks interrupts on this CPU, and returns the previous flags.
#[inline]
pub(crate) fn save_flags_and_mask_interrupts() -> usize {
    let flags;
    // SAFETY: reads the flags through the stack and clears the interrupt flag; the kernel runs in ring 0, where this is
    // allowed.
    unsafe { core::arch::asm!("pushfq", "pop {}", "cli", out(reg) flags) };
    flags
}

/// Whether interrupts are enabled in these flags.
#[inline]
pub(crate) fn are_interrupts_enabled(flags: usize) -> bool {
    flags & (1 << 9) != 0
}

/// Enables interrupts if `were_enabled`.
#[inline]
pub(crate) fn restore_interrupts(were_enabled: bool) {
    if were_enabled {
        enable_interrupts();
    }
}

/// Enables interrupts.
#[inline]
pub(crate) fn enable_interrupts() {
    // SAFETY: the interrupt table is loaded before the first caller runs.
    unsafe { core::arch::asm!("sti", options(nomem, nostack)) };
}

/// Waits for the next interrupt, unless `is_ready`, called with interrupts masked, returns true.
pub(crate) fn wait_for_interrupt_unless(is_ready: impl FnOnce() -> bool) {
    mask_interrupts();
    if is_ready() {
        enable_interrupts();
        return;
    }
    // SAFETY: `sti` takes effect after the next instruction, so no interrupt is lost between the two.
    unsafe { core::arch::asm!("sti", "hlt", options(nomem, nostack)) };
}

/// Whether no other CPU runs: so far none is started.
pub(crate) const fn is_alone() -> bool {
    true
}

/// Stops this CPU for good.
pub(crate) fn halt_forever() -> ! {
    loop {
        // SAFETY: stops this CPU, which is the purpose.
        unsafe { core::arch::asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

/// Writes all cached data to memory; a reset may lose it otherwise.
pub(crate) fn write_back_caches() {
    // SAFETY: changes no data.
    unsafe { core::arch::asm!("wbinvd", options(nostack, preserves_flags)) };
}

/// The time stamp counter.
#[inline]
pub(crate) fn time_stamp_counter() -> u64 {
    // SAFETY: every 64-bit CPU has it.
    unsafe { x86::time::rdtsc() }
}

/// The frame pointer of the caller.
#[expect(clippy::inline_always, reason = "called as a function it would read its own")]
#[inline(always)]
pub(crate) fn frame_pointer() -> VAddr {
    let pointer;
    // SAFETY: copies a register.
    unsafe { core::arch::asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    VAddr(pointer)
}

/// The caller's frame: the frame pointer of the function that called it, and the return address.
#[expect(clippy::inline_always, reason = "called as a function it would read its own")]
#[inline(always)]
pub(crate) fn frame() -> [VAddr; 2] {
    let (caller, return_address);
    // SAFETY: each function of the kernel keeps a frame, with these two words; its register points there.
    unsafe {
        core::arch::asm!(
            "mov {}, [rbp]",
            "mov {}, [rbp + 8]",
            out(reg) caller,
            out(reg) return_address,
            options(readonly, nostack, preserves_flags)
        );
    }
    [VAddr(caller), VAddr(return_address)]
}

/// The stack pointer of the caller.
#[expect(clippy::inline_always, reason = "called as a function it would read its own")]
#[inline(always)]
pub(crate) fn stack_pointer() -> VAddr {
    let pointer;
    // SAFETY: copies a register.
    unsafe { core::arch::asm!("mov {}, rsp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    VAddr(pointer)
}

/// The callee-saved registers (System V ABI for x86-64, figure 3.4): rbx, rbp, r12 to r15. If the caller has changed one,
/// its original value is on the caller's stack.
#[expect(clippy::inline_always, reason = "called as a function it would keep them on its own stack")]
#[inline(always)]
pub(crate) fn kept_registers() -> [usize; 6] {
    let mut registers = [0; 6];
    // SAFETY: writes six words to an array of six.
    unsafe {
        core::arch::asm!(
            "mov [{0}], rbx",
            "mov [{0} + 8], rbp",
            "mov [{0} + 16], r12",
            "mov [{0} + 24], r13",
            "mov [{0} + 32], r14",
            "mov [{0} + 40], r15",
            in(reg) registers.as_mut_ptr(),
            options(nostack, preserves_flags)
        );
    }
    registers
}

/// The control registers 0, 2, 3 and 4.
pub(crate) fn control_registers() -> [u64; 4] {
    // SAFETY: reading them has no side effect, and is allowed in ring 0.
    unsafe {
        [
            controlregs::cr0().bits() as u64,
            controlregs::cr2() as u64,
            controlregs::cr3(),
            controlregs::cr4().bits() as u64,
        ]
    }
}

/// Whether the CPU supports pages of 1 GiB.
pub(crate) fn has_gib_pages() -> bool {
    CpuId::new().get_extended_processor_and_feature_identifiers().is_some_and(|info| info.has_1gib_pages())
}
