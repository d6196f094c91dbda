//! `/proc/vmstat`. Source: Linux, mm/vmstat.c (`vmstat_text`, `vmstat_show`).

use super::line::lines;
use super::order::Order;
use crate::error::{Result, ensure};

/// The names that a Linux may have, in its order.
const NAMES: &str = include_str!("vmstat.names");

/// `"%s %lu"`, names in Linux's order; not every Linux has all of them.
pub(super) fn vmstat(text: &str) -> Result<()> {
    let mut order = Order::new("vmstat", NAMES);
    let lines = lines("vmstat", text)?;
    ensure!(!lines.is_empty(), "vmstat: empty");
    for mut line in lines {
        let name = line.word()?;
        order.step(name)?;
        line.literal(" ")?;
        line.unsigned(0)?;
        line.end()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::vmstat;

    #[test]
    fn only_linux_text_passes() {
        let sample =
            "nr_free_pages 1436767\nnr_dirty 214\npgpgin 0\npgalloc_normal 17\npgfree 18446744073709551615\n";
        assert_strict(
            vmstat,
            sample,
            &[
                ("nr_free_pages 1436767\nnr_dirty 214\n", "nr_dirty 214\nnr_free_pages 1436767\n"),
                ("nr_dirty", "nr_dirt"),
                ("nr_dirty 214", "nr_dirty 214 kB"),
                ("nr_dirty 214", "nr_dirty -214"),
                ("nr_dirty 214\n", "nr_dirty 214\nnr_dirty 214\n"),
                ("18446744073709551615", "18446744073709551616"),
            ],
        );
        assert_every_blank_counts(vmstat, sample);
        assert!(vmstat("").is_err());
    }
}
