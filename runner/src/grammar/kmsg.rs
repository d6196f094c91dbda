//! `/proc/kmsg`. Source: Linux, kernel/printk/printk.c (`info_print_prefix`).

use super::line::lines;
use crate::error::{Result, ensure};

/// Eight levels per facility; the kernel's own is the first.
const MAX_PRIORITY: u64 = 24 * 8 - 1;

/// `"<%u>[%5lu.%06lu] "`, and the message.
pub(super) fn kmsg(text: &str) -> Result<()> {
    let lines = lines("kmsg", text)?;
    ensure!(!lines.is_empty(), "kmsg: empty");
    for mut line in lines {
        line.literal("<")?;
        let priority = line.unsigned(0)?;
        ensure!(priority <= MAX_PRIORITY, "kmsg: no message has priority {priority}");
        line.literal(">[")?;
        line.decimal(5, 6)?;
        line.literal("] ")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_strict;
    use super::kmsg;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
<5>[    0.000000] Linux version 6.18.44
<6>[    1.250031] BIOS-provided physical RAM map:
<30>[123456.789012] a service: started
";
        assert_strict(
            kmsg,
            sample,
            &[
                ("<5>", ""),
                ("<5>", "<5> "),
                ("<5>", "<192>"),
                ("[    0.0", "[   0.0"),
                ("[    0.0", "[0.0"),
                ("0.000000", "0.00000"),
                ("000] ", "000]"),
                ("[123456", "[ 123456"),
            ],
        );
        assert!(kmsg("").is_err());
    }
}
