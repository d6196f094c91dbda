//! `/proc/cpuinfo` of x86. Source: Linux, arch/x86/kernel/cpu/proc.c (`show_cpuinfo`).

use super::line::{Line, lines};
use super::order::Order;
use crate::error::{Result, ensure};

/// The fields of one CPU with the tabs after their names; an empty line ends them.
const FIELDS: &str = "processor\t,vendor_id\t,cpu family\t,model\t\t,model name\t,stepping\t,microcode\t?,cpu MHz\t\t?,\
    cache size\t?,physical id\t?,siblings\t?,core id\t\t?,cpu cores\t?,apicid\t\t?,initial apicid\t?,fpu\t\t,\
    fpu_exception\t,cpuid level\t,wp\t\t,flags\t\t,vmx flags\t?,bugs\t\t,bogomips\t,TLB size\t?,clflush size\t,\
    cache_alignment\t,address sizes\t,power management";

/// `"%s\t: %s"` per field, in order; an empty line after each CPU.
pub(super) fn cpuinfo(text: &str) -> Result<()> {
    let mut order = Order::new("cpuinfo", FIELDS);
    let mut cpus = 0;
    let mut is_between = true;
    for mut line in lines("cpuinfo", text)? {
        if line.is_at_end() {
            std::mem::replace(&mut order, Order::new("cpuinfo", FIELDS)).finish()?;
            cpus += 1;
            is_between = true;
            continue;
        }
        is_between = false;
        let name = line.up_to(":")?;
        order.step(name)?;
        value(&mut line, name.trim_end_matches('\t'), cpus)?;
        line.end()?;
    }
    ensure!(cpus > 0 && is_between, "cpuinfo: an empty line should end each CPU");
    Ok(())
}

/// The text after the colon.
fn value(line: &mut Line, name: &str, cpu: u64) -> Result<()> {
    if matches!(name, "flags" | "vmx flags" | "bugs" | "power management") {
        while line.skips(" ") {
            line.word()?;
        }
        return Ok(());
    }
    line.literal(" ")?;
    match name {
        "processor" => {
            let number = line.unsigned(0)?;
            ensure!(number == cpu, "cpuinfo: processor {number} stands where {cpu} should");
        }
        "vendor_id" => drop(line.word()?),
        "model name" => {
            let model = line.remainder();
            ensure!(!model.is_empty() && model.trim() == model, "cpuinfo: `{model}` is no model");
        }
        "microcode" => {
            line.literal("0x")?;
            line.hex(1)?;
        }
        "cpu MHz" => line.decimal(0, 3)?,
        "bogomips" => line.decimal(0, 2)?,
        "fpu" | "fpu_exception" | "wp" if line.skips("yes") => {}
        "fpu" | "fpu_exception" | "wp" => line.literal("no")?,
        "address sizes" => {
            line.unsigned(0)?;
            line.literal(" bits physical, ")?;
            line.unsigned(0)?;
            line.literal(" bits virtual")?;
        }
        _ => {
            line.unsigned(0)?;
            match name {
                "cache size" => line.literal(" KB")?,
                "TLB size" => line.literal(" 4K pages")?,
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::cpuinfo;

    /// From Linux 6.18 with two CPUs.
    const SAMPLE: &str = include_str!("samples/cpuinfo");
    const FLAGS: &str = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge lm";

    #[test]
    fn only_linux_text_passes() {
        assert_strict(
            cpuinfo,
            SAMPLE,
            &[
                ("vendor_id\t:", "vendor_id:"),
                ("vendor_id\t:", "vendor_id\t\t:"),
                ("model\t\t: 1\n", ""),
                ("cpu MHz\t\t: 2445.426", "cpu MHz\t\t: 2445.42"),
                (" KB", ""),
                ("fpu\t\t: yes", "fpu\t\t: maybe"),
                ("wp\t\t: yes\n", ""),
                ("bugs\t\t: ", "bugs\t\t:  "),
                ("bogomips\t: 4890.85", "bogomips\t: 4890"),
                ("48 bits physical, ", ""),
                ("processor\t: 1", "processor\t: 2"),
                ("power management:\n\n", "power management:\n"),
                ("power management:\n\n", ""),
                ("siblings\t: 2\n", "siblings\t: 2\nsiblings\t: 2\n"),
            ],
        );
        assert!(cpuinfo("").is_err());
    }

    #[test]
    fn optional_fields_may_be_missing() {
        cpuinfo(&SAMPLE.replace("microcode\t: 0x1000065\n", "")).unwrap();
        cpuinfo(&SAMPLE.replace("power management:\n", "power management: ts ttp [8]\n")).unwrap();
    }

    #[test]
    fn every_blank_counts() {
        // The number of flags and the contents of names differ between machines.
        let single = SAMPLE.replace("AMD EPYC", "EPYC").replace(FLAGS, "fpu").replace("sysret_ss_attrs ", "");
        assert_every_blank_counts(cpuinfo, &single);
    }
}
