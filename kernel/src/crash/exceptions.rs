//! Reports of exceptions. `arch::exceptions` decides which exceptions are reported here.
//!
//! Source: Intel SDM vol. 3A, section 6.15.

use core::fmt::{self, Write};

use crate::arch::exceptions::{DOUBLE_FAULT, PAGE_FAULT};
use crate::arch::idt::InterruptFrame;
use crate::arch::{VAddr, backtrace, cpu, stacks};
use crate::symbols::CallPath;

const NAMES: [&str; 22] = [
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor segment overrun",
    "invalid task state segment",
    "segment not present",
    "stack segment fault",
    "general protection fault",
    "page fault",
    "reserved",
    "x87 floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point error",
    "virtualization exception",
    "control protection exception",
];

/// The column of names in a call stack, after the addresses.
const INDENT: usize = 21;

/// The exception's number and name, in one line.
pub(crate) fn write_title(frame: &InterruptFrame, out: &mut dyn Write) -> fmt::Result {
    let name = NAMES.get(frame.vector as usize).unwrap_or(&"reserved");
    write!(out, "exception {}: {name}, error code {:#x}", frame.vector, frame.error_code)
}

/// Writes the failed access, the registers and the call stack.
pub(crate) fn describe(frame: &InterruptFrame, out: &mut dyn Write) -> fmt::Result {
    write_access(frame, out)?;
    write_registers(frame, out)?;
    let [cr0, cr2, cr3, cr4] = cpu::control_registers();
    writeln!(out, "cr0 {cr0:016x} cr2 {cr2:016x} cr3 {cr3:016x} cr4 {cr4:016x}")?;
    writeln!(out, "call stack:")?;
    writeln!(out, "  {:#018x} {}", frame.rip, CallPath::of_instruction(VAddr(frame.rip), INDENT))?;
    write_call_stack(VAddr(frame.rbp), out)
}

/// Writes a line about the failed access of a page fault, or about a stack overflow; nothing for other exceptions.
pub(super) fn write_access(frame: &InterruptFrame, out: &mut dyn Write) -> fmt::Result {
    let [_, cr2, ..] = cpu::control_registers();
    let vector = frame.vector;
    // CR2 is the address of the last page fault; before a double fault, that is the one that could not be handled.
    if matches!(vector, PAGE_FAULT | DOUBLE_FAULT) {
        if stacks::is_guard(VAddr(cr2)) {
            writeln!(out, "kernel stack overflow: {cr2:#018x} is in the guard page below a stack")?;
        } else if vector == PAGE_FAULT {
            describe_page_fault(frame.error_code, cr2, out)?;
        }
    }
    Ok(())
}

/// The address of a failed access: that of a page fault, which may have become a double fault.
pub(super) fn accessed_address(frame: &InterruptFrame) -> Option<u64> {
    let [_, cr2, ..] = cpu::control_registers();
    matches!(frame.vector, PAGE_FAULT | DOUBLE_FAULT).then_some(cr2)
}

fn describe_page_fault(error_code: u64, address: u64, out: &mut dyn Write) -> fmt::Result {
    let has = |bit: u64| error_code & (1 << bit) != 0;
    let access = if has(4) {
        "execute"
    } else if has(1) {
        "write"
    } else {
        "read"
    };
    let why = if has(3) {
        "a reserved bit is set in a page table"
    } else if has(0) {
        "the page's permissions forbid it"
    } else {
        "nothing is mapped there"
    };
    let hint = if address < 4096 { " (null pointer)" } else { "" };
    writeln!(out, "could not {access} {address:#018x}{hint}: {why}")
}

/// Writes the general registers, instruction and stack pointer, flags and segments.
pub(crate) fn write_registers(frame: &InterruptFrame, out: &mut dyn Write) -> fmt::Result {
    let f = frame;
    writeln!(
        out,
        "rip {:016x} rsp {:016x} rfl {:016x} cs {:04x} ss {:04x}",
        f.rip, f.rsp, f.rflags, f.cs, f.ss
    )?;
    writeln!(out, "rax {:016x} rbx {:016x} rcx {:016x} rdx {:016x}", f.rax, f.rbx, f.rcx, f.rdx)?;
    writeln!(out, "rsi {:016x} rdi {:016x} rbp {:016x} r8  {:016x}", f.rsi, f.rdi, f.rbp, f.r8)?;
    writeln!(out, "r9  {:016x} r10 {:016x} r11 {:016x} r12 {:016x}", f.r9, f.r10, f.r11, f.r12)?;
    writeln!(out, "r13 {:016x} r14 {:016x} r15 {:016x}", f.r13, f.r14, f.r15)
}

/// Writes the call stack from a frame pointer on, one address per line; a deep recursion is cut.
pub(crate) fn write_call_stack(frame_pointer: VAddr, out: &mut dyn Write) -> fmt::Result {
    const MAX_FRAMES: usize = 24;
    for (number, address) in backtrace::walk(frame_pointer).enumerate() {
        if number == MAX_FRAMES {
            return writeln!(out, "  ... and more");
        }
        writeln!(out, "  {:#018x} {}", address.as_usize(), CallPath::of_return_address(address, INDENT))?;
    }
    Ok(())
}
