//! `/proc/1/stat`: the thread's figures in one line of 52 fields, as Linux writes them.
//!
//! Source: Linux, Documentation/filesystems/proc.rst, table 1-4, and fs/proc/array.c.

use core::fmt::{self, Write};

use vfs::Text;

use super::super::stat::cpu_ticks;
use super::{NAME, PID};

/// Linux's `PF_KTHREAD`: a thread of the kernel.
const KERNEL_THREAD: u32 = 0x0020_0000;
/// What Linux shows for a priority of 0.
const DEFAULT_PRIORITY: u32 = 20;

/// The file.
pub(super) struct ThreadStat;

impl Text for ThreadStat {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let (system, _) = cpu_ticks();
        // State, parent, group, session, terminal and its group; it runs as it reads this.
        write!(out, "{PID} ({NAME}) R 0 0 0 0 -1 {KERNEL_THREAD} ")?;
        // Page faults; time in user mode and in the kernel, and that of children.
        write!(out, "0 0 0 0 0 {system} 0 0 ")?;
        // Priority, nice, threads, a field that is always 0, start, virtual size, resident pages and their limit.
        write!(out, "{DEFAULT_PRIORITY} 0 1 0 0 0 0 {} ", u64::MAX)?;
        // Addresses of a program, signals, where it waits, swapped pages, exit signal; CPU.
        write!(out, "0 0 0 0 0 0 0 0 0 0 0 0 0 0 ")?;
        // Real-time priority, policy, waits for disks, guests' time, more addresses, exit code.
        writeln!(out, "0 0 0 0 0 0 0 0 0 0 0 0 0")
    }
}
