//! `/proc/cpuinfo`: what the CPU says of itself, as Linux shows it. One CPU runs.
//!
//! Source: Linux, arch/x86/kernel/cpu/proc.c, for names, order and tabs.

use core::fmt::{self, Write};

use vfs::Text;

use crate::arch::{clock, cpu, cpuid};

const WRITE_PROTECT: u64 = 1 << 16;

/// The file.
pub(super) struct CpuInfo;

impl Text for CpuInfo {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let cpu = cpuid::facts();
        let khz = clock::counter_hz() / 1000;
        let [cr0, ..] = cpu::control_registers();
        let has_wp = if cr0 & WRITE_PROTECT == 0 { "no" } else { "yes" };
        writeln!(out, "processor\t: 0\nvendor_id\t: {}\ncpu family\t: {}", cpu.vendor, cpu.family)?;
        writeln!(out, "model\t\t: {}\nmodel name\t: {}\nstepping\t: {}", cpu.model, cpu.name, cpu.stepping)?;
        writeln!(out, "cpu MHz\t\t: {}.{:03}", khz / 1000, khz % 1000)?;
        if cpu.cache_kib > 0 {
            writeln!(out, "cache size\t: {} KB", cpu.cache_kib)?;
        }
        writeln!(out, "physical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1")?;
        writeln!(out, "apicid\t\t: {0}\ninitial apicid\t: {0}", cpu.apic_id)?;
        writeln!(out, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {}\nwp\t\t: {has_wp}", cpu.level)?;
        write!(out, "flags\t\t:")?;
        cpuid::write_flags(out)?;
        // No bug is looked for. Bogomips are twice the counter's MHz, as in Linux where those are known.
        writeln!(out, "\nbugs\t\t:\nbogomips\t: {}.{:02}", khz / 500, khz / 5 % 100)?;
        if cpu.tlb_pages > 0 {
            writeln!(out, "TLB size\t: {} 4K pages", cpu.tlb_pages)?;
        }
        writeln!(out, "clflush size\t: {0}\ncache_alignment\t: {0}", cpu.clflush_bytes)?;
        let (physical, linear) = (cpu.physical_bits, cpu.virtual_bits);
        writeln!(out, "address sizes\t: {physical} bits physical, {linear} bits virtual")?;
        write!(out, "power management:")?;
        cpuid::write_power(out)?;
        writeln!(out, "\n")
    }
}
