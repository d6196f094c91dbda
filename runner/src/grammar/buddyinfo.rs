//! `/proc/buddyinfo`. Source: Linux, mm/vmstat.c (`frag_show_print`).

use super::line::lines;
use crate::error::{Result, ensure};

/// Orders 0 to 10, as in a Linux whose largest block has 4 MiB.
const ORDERS: usize = 11;

/// `"Node %d, zone %8s "`, then `"%6lu "` per order.
pub(crate) fn buddyinfo(text: &str) -> Result<()> {
    let lines = lines("buddyinfo", text)?;
    ensure!(!lines.is_empty(), "buddyinfo: empty");
    for mut line in lines {
        line.literal("Node ")?;
        line.unsigned(0)?;
        line.literal(", zone ")?;
        line.right(8)?;
        line.literal(" ")?;
        for _ in 0..ORDERS {
            line.unsigned(6)?;
            line.literal(" ")?;
        }
        line.end()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::buddyinfo;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 
Node 0, zone   Normal   2858   1575    894    693    251     86     25      5    274    249 1000641 
";
        assert_strict(
            buddyinfo,
            sample,
            &[("3 \n", "3\n"), ("   Normal", "  Normal"), ("      0", ""), ("2858", "2,58")],
        );
        assert_every_blank_counts(buddyinfo, sample);
        assert!(buddyinfo("").is_err());
    }
}
