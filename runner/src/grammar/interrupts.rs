//! `/proc/interrupts`. Source: Linux, kernel/irq/proc.c (`show_interrupts`), arch/x86/kernel/irq.c.

use super::line::{Line, lines};
use crate::error::{Error, Result, ensure};

/// A header of `"%11s"` and `"CPU%-8d"` per CPU, then a line per interrupt: `"%3d:"`, `" %10u"` per CPU, and its kind.
///
/// The CPU's own interrupts have names of three letters, and come last.
pub(super) fn interrupts(text: &str) -> Result<()> {
    let mut lines = lines("interrupts", text)?.into_iter();
    let mut head = lines.next().ok_or_else(|| Error::Wrong("interrupts: empty".into()))?;
    head.literal(&" ".repeat(11))?;
    let mut cpus = 0;
    while !head.is_at_end() {
        head.literal("CPU")?;
        let cpu = head.left(8)?;
        ensure!(cpu == cpus.to_string(), "interrupts: CPU{cpu} stands where CPU{cpus} should");
        cpus += 1;
    }
    ensure!(cpus > 0, "interrupts: no CPU");
    let mut are_lines_over = false;
    let mut last_number = None;
    for mut line in lines {
        let name = line.up_to(":")?;
        let label = name.trim_start_matches(' ');
        ensure!(name.len() == 3.max(label.len()), "interrupts: `{name}:` is not right in its columns");
        let number = label.parse::<u32>().ok();
        if let Some(number) = number {
            ensure!(!are_lines_over && last_number < Some(number), "interrupts: {number} is out of order");
            last_number = Some(number);
        } else {
            are_lines_over = true;
            ensure!(label.len() == 3, "interrupts: `{label}` is neither a number nor three letters");
        }
        // These two are not per CPU.
        let columns = if matches!(label, "ERR" | "MIS") { 1 } else { cpus };
        for _ in 0..columns {
            line.literal(" ")?;
            line.unsigned(10)?;
        }
        match number {
            Some(_) => line_kind(&mut line)?,
            None if columns < cpus || line.is_at_end() => {}
            None => {
                line.literal("   ")?;
                named(&mut line)?;
            }
        }
        line.end()?;
    }
    Ok(())
}

/// `" %8s"` (one blank more before Linux 6.13), `" %3d"` or as many blanks, `"-%-8s"`, `"  %s"`.
fn line_kind(line: &mut Line) -> Result<()> {
    line.literal(" ")?;
    if line.right(8).is_err() {
        line.literal(" ")?;
        line.right(8)?;
    }
    line.literal(" ")?;
    if !line.skips("   ") {
        line.unsigned(3)?;
    }
    if line.skips("-") {
        line.left(8)?;
    }
    if line.is_at_end() {
        return Ok(());
    }
    line.literal("  ")?;
    named(line)
}

/// Something that starts and ends without a blank.
fn named(line: &mut Line) -> Result<()> {
    let name = line.remainder();
    ensure!(!name.is_empty() && name.trim() == name, "interrupts: `{name}` is no name");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_strict;
    use super::interrupts;

    #[test]
    fn only_linux_text_passes() {
        let sample = "           CPU0       CPU1       
  0:         39          0  IO-APIC   2-edge      timer
 26:          0         15  IO-APIC   4-edge      ttyS0, ttyS1
 30:          0 4000000000 PCI-MSIX-0000:00:01.0   2-edge      virtio0-deflate
NMI:          0          0   Non-maskable interrupts
LOC:    1487244    1552889   Local timer interrupts
ERR:          0
";
        assert_strict(
            interrupts,
            sample,
            &[
                ("CPU1", "CPU2"),
                ("CPU1       \n", "CPU1\n"),
                ("           CPU0", "          CPU0"),
                ("  0:", "0:"),
                ("  0:", "  0"),
                (" 26:", "  9:          0\n 26:"),
                (" 30:", " 20:"),
                ("         39", "        39"),
                ("          0  IO", "  IO"),
                ("edge      timer", "edge     timer"),
                ("   2-edge", "  2-edge"),
                ("   Non", "  Non"),
                ("   Non", "    Non"),
                ("LOC:", "LOCAL:"),
                ("ERR:          0", "ERR:         0"),
                ("ERR:          0", "ERR:          0          0"),
            ],
        );
        assert!(interrupts("").is_err());
    }

    /// Linux 6.1, without an APIC.
    #[test]
    fn older_linux_passes() {
        interrupts(
            "           CPU0       
  0:        134    XT-PIC      timer
  4:         15    XT-PIC    -edge      ttyS0
  7:          1    XT-PIC    
",
        )
        .unwrap();
    }
}
