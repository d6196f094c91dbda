//! `/proc/slabinfo`, version 2.1. Source: Linux, `mm/slab_common.c` (`print_slabinfo_header`, `cache_show`).

use super::line::lines;
use crate::error::{Error, Result, ensure};

const VERSION: &str = "slabinfo - version: 2.1";
const COLUMNS: &str = "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables \
    <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>";

/// Two header lines, then `"%-17s %6lu %6lu %6u %4u %4d"`, `" : tunables %4u %4u %4u"`,
/// `" : slabdata %6lu %6lu %6lu"`.
pub(crate) fn slabinfo(text: &str) -> Result<()> {
    let mut lines = lines("slabinfo", text)?.into_iter();
    for header in [VERSION, COLUMNS] {
        let mut line = lines.next().ok_or_else(|| Error::Wrong("slabinfo: no header".into()))?;
        line.literal(header)?;
        line.end()?;
    }
    for mut line in lines {
        let name = line.left(17)?;
        let mut numbers = [0; 11];
        let widths = [
            ("", 6),
            ("", 6),
            ("", 6),
            ("", 4),
            ("", 4),
            (" : tunables", 4),
            ("", 4),
            ("", 4),
            (" : slabdata", 6),
            ("", 6),
            ("", 6),
        ];
        for (number, (text, width)) in numbers.iter_mut().zip(widths) {
            line.literal(text)?;
            line.literal(" ")?;
            *number = line.unsigned(width)?;
        }
        line.end()?;
        let [active, objects, _, per_slab, pages, _, _, _, active_slabs, slabs, _] = numbers;
        ensure!(active <= objects && active_slabs <= slabs, "slabinfo: {name}: more in use than there is");
        ensure!(per_slab > 0 && pages.is_power_of_two(), "slabinfo: {name}: no slab has such a size");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::slabinfo;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
btrfs_ordered_extent      0      0    416   19    2 : tunables    0    0    0 : slabdata      0      0      0
ext4_inode_cache  161700 161700   1128   14    4 : tunables    0    0    0 : slabdata  11550  11550      0
kmalloc-64          1792   1792     64   64    1 : tunables    0    0    0 : slabdata     28     28      0
";
        assert_strict(
            slabinfo,
            sample,
            &[
                ("2.1", "2.2"),
                ("<limit> ", ""),
                (" : tunables    0    0    0", ""),
                ("    1 : ", " 1 : "),
                ("  1792", "  1793"),
                ("kmalloc-64       ", "kmalloc-64      "),
                ("28      0\n", "28\n"),
                ("64    1 :", "64    3 :"),
            ],
        );
        assert_every_blank_counts(slabinfo, sample);
        assert!(slabinfo("").is_err());
    }
}
