//! `/proc/interrupts`: how often each interrupt came, as Linux shows them.
//!
//! Source: Linux, kernel/irq/proc.c and arch/x86/kernel/irq.c, for the format; the controllers are named as there.

use core::fmt::{self, Write};

use vfs::Text;

use crate::arch::idt;

const NON_MASKABLE: u8 = 2;
const MACHINE_CHECK: u8 = 18;

/// The file.
pub(super) struct Interrupts;

impl Text for Interrupts {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{:11}CPU{:<8}", "", 0)?;
        for (number, line) in idt::lines().iter().enumerate() {
            if line.name.is_none() && line.count == 0 {
                continue;
            }
            write!(out, "{number:3}: {:10}  {:>8} {:3}", line.count, "XT-PIC", "")?;
            match line.name {
                Some(name) => writeln!(out, "  {name}")?,
                None => writeln!(out)?,
            }
        }
        let [nmi, mce] = [NON_MASKABLE, MACHINE_CHECK].map(idt::count);
        writeln!(out, "NMI: {nmi:10}   Non-maskable interrupts")?;
        writeln!(out, "MCE: {mce:10}   Machine check exceptions")?;
        writeln!(out, "ERR: {:10}", idt::spurious_count())
    }
}
