//! `/proc/stat`: what the kernel did since the boot, as Linux counts it.
//!
//! There are no programs: the CPU runs the kernel (`system`) or waits (`idle`). Source: Linux, fs/proc/stat.c.

use core::fmt::{self, Write};

use vfs::Text;

use crate::arch::{clock, idt, rtc};

/// Times are given in 100ths of a second: Linux's `USER_HZ`.
const NS_PER_TICK: u64 = 10_000_000;
const NON_MASKABLE: u8 = 2;

/// The file.
pub(super) struct Stat;

impl Text for Stat {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let (system, idle) = cpu_ticks();
        for name in ["cpu ", "cpu0"] {
            // User, nice, system, idle, I/O wait, interrupts, softirqs, stolen, guest, guest nice.
            writeln!(out, "{name} 0 0 {system} {idle} 0 0 0 0 0 0")?;
        }
        let lines = idt::lines();
        let from_lines = lines.iter().map(|line| line.count).sum::<u64>();
        write!(out, "intr {}", from_lines + idt::count(NON_MASKABLE) + idt::spurious_count())?;
        lines.iter().try_for_each(|line| write!(out, " {}", line.count))?;
        // One thread, which runs as it reads this; nothing else was ever started.
        writeln!(out, "\nctxt 0\nbtime {}\nprocesses 1", rtc::boot_seconds())?;
        writeln!(out, "procs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0")
    }
}

/// Ticks in which the CPU worked, and in which it waited.
pub(super) fn cpu_ticks() -> (u64, u64) {
    let idle_ns = clock::idle_ns();
    let all = clock::uptime_ns() / NS_PER_TICK;
    let idle = (idle_ns / NS_PER_TICK).min(all);
    (all - idle, idle)
}
