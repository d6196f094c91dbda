//! What the registers of a crash point to: a line for each value that is an address of something.

use core::fmt::{self, Write};

use crate::arch::idt::InterruptFrame;
use crate::arch::{VAddr, guarded};
use crate::memory::whatis::Answer;
use crate::symbols::Described;

/// Writes the lines. `accessed` is the address of a failed access, if there was one. Nothing here waits for a lock.
pub(super) fn write(frame: &InterruptFrame, accessed: Option<u64>, out: &mut dyn Write) -> fmt::Result {
    let f = frame;
    let values = [
        ("cr2", accessed.unwrap_or(0)),
        ("rax", f.rax),
        ("rbx", f.rbx),
        ("rcx", f.rcx),
        ("rdx", f.rdx),
        ("rsi", f.rsi),
        ("rdi", f.rdi),
        ("rbp", f.rbp),
        ("rsp", f.rsp),
        ("r8", f.r8),
        ("r9", f.r9),
        ("r10", f.r10),
        ("r11", f.r11),
        ("r12", f.r12),
        ("r13", f.r13),
        ("r14", f.r14),
        ("r15", f.r15),
    ];
    let mut has_title = false;
    for (number, (_, value)) in values.iter().enumerate() {
        // Guarded: page tables and the tracker's tables may be inconsistent.
        let is_new = values.iter().take(number).all(|(_, earlier)| earlier != value);
        let answer = if is_new { guarded::call(|| Answer::of_virtual(VAddr(*value))).ok() } else { None };
        let Some(answer) = answer.filter(Answer::is_something) else { continue };
        if !has_title {
            writeln!(out, "addresses in registers:")?;
            has_title = true;
        }
        let mut separator = "  ";
        for (name, _) in values.iter().filter(|(_, same)| same == value) {
            write!(out, "{separator}{name}")?;
            separator = ", ";
        }
        writeln!(out, ": {}", Described(&answer))?;
    }
    Ok(())
}
