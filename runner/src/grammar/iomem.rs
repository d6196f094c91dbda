//! `/proc/iomem`. Source: Linux, kernel/resource.c (`r_show`).

use super::line::lines;
use crate::error::{Result, ensure};

/// Deeper ranges are not indented further than this.
const MAX_DEPTH: usize = 5;

/// `"%*s%0*llx-%0*llx : %s"`: two blanks per level, at least 8 digits.
///
/// Ranges of one level are sorted and do not overlap; nested ranges are inside the one before.
pub(crate) fn iomem(text: &str) -> Result<()> {
    let lines = lines("iomem", text)?;
    ensure!(!lines.is_empty(), "iomem: empty");
    // The ranges that may contain the next one, from the outermost inwards.
    let mut open: Vec<(u64, u64)> = Vec::new();
    for mut line in lines {
        let mut depth = 0;
        while line.skips("  ") {
            depth += 1;
        }
        let start = line.hex(8)?;
        line.literal("-")?;
        let end = line.hex(8)?;
        line.literal(" : ")?;
        let name = line.remainder();
        ensure!(!name.is_empty() && name.trim() == name, "iomem: `{name}` is no name");
        let shown = format!("iomem: {start:08x}-{end:08x} : {name}");
        ensure!(start <= end, "{shown}: ends before it starts");
        ensure!(depth <= open.len() && depth < MAX_DEPTH, "{shown}: stands in too far");
        if let Some((_, before)) = open.get(depth) {
            ensure!(*before < start, "{shown}: is out of order");
        }
        open.truncate(depth);
        if let Some((first, last)) = open.last() {
            ensure!(*first <= start && end <= *last, "{shown}: leaves the range that it is in");
        }
        open.push((start, end));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_strict;
    use super::iomem;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
00001000-0009fbff : System RAM
0009fc00-000fffff : Reserved
  000f0000-000fffff : System ROM
00100000-bfffffff : System RAM
  01000000-02209987 : Kernel code
  02400000-02e09fff : Kernel rodata
eec00000-febfffff : Reserved
  eec00000-eecfffff : PCI ECAM 0000 [bus 00-00]
    eec00000-eecfffff : PCI Bus 0000:00
fec00000-fec003ff : IOAPIC 0
100000000-63fffffff : System RAM
";
        assert_strict(
            iomem,
            sample,
            &[
                ("00001000", "1000"),
                ("00001000", "0x00001000"),
                ("100000000", "0100000000"),
                (" : System RAM", ": System RAM"),
                (" : System RAM", " : "),
                ("  000f0000", " 000f0000"),
                ("  000f0000", "    000f0000"),
                ("  02400000", "  02200000"),
                ("fec00000-", "FEC00000-"),
                ("  01000000", "  00000000"),
                ("00001000-0009fbff", "00001000-00000fff"),
                ("00100000-", "000fffff-"),
                ("Reserved\n", "Reserved \n"),
            ],
        );
        assert!(iomem("").is_err());
    }
}
