//! `/proc/meminfo`. Source: Linux, fs/proc/meminfo.c, mm/hugetlb.c, `arch/x86/mm/pat/set_memory.c`.

use super::line::lines;
use super::order::Order;
use crate::error::{Result, ensure};

/// The fields, in Linux's order; `?` marks those that a Linux may be built without.
const FIELDS: &str = "MemTotal, MemFree, MemAvailable, Buffers, Cached, SwapCached, Active, Inactive, Active(anon), \
    Inactive(anon), Active(file), Inactive(file), Unevictable, Mlocked, HighTotal?, HighFree?, LowTotal?, LowFree?, \
    MmapCopy?, SwapTotal, SwapFree, Zswap?, Zswapped?, Dirty, Writeback, AnonPages, Mapped, Shmem, KReclaimable, Slab, \
    SReclaimable, SUnreclaim, KernelStack, ShadowCallStack?, PageTables, SecPageTables, NFS_Unstable, Bounce, \
    WritebackTmp, CommitLimit, Committed_AS, VmallocTotal, VmallocUsed, VmallocChunk, Percpu, EarlyMemtestBad?, \
    HardwareCorrupted?, AnonHugePages?, ShmemHugePages?, ShmemPmdMapped?, FileHugePages?, FilePmdMapped?, CmaTotal?, \
    CmaFree?, Unaccepted?, Balloon?, HugePages_Total?, HugePages_Free?, HugePages_Rsvd?, HugePages_Surp?, \
    Hugepagesize?, Hugetlb?, DirectMap4k?, DirectMap2M?, DirectMap1G?";

/// `"%-16s%8lu kB"`; a longer name leaves fewer columns for the number, but always a blank before it. Pages of `HugePages_*`
/// have no unit.
///
/// A field that Linux does not have must come after all of Linux's, with or without a unit.
pub(crate) fn meminfo(text: &str) -> Result<()> {
    let mut order = Order::new("meminfo", FIELDS);
    let mut own: Vec<&str> = Vec::new();
    for mut line in lines("meminfo", text)? {
        let name = line.up_to(":")?;
        let is_known = order.knows(name);
        if is_known {
            ensure!(own.is_empty(), "meminfo: {name} stands behind a field that Linux does not have");
            order.step(name)?;
        } else {
            ensure!(!own.contains(&name), "meminfo: {name} stands there twice");
            own.push(name);
        }
        // Where a name fills the columns of labels, a blank all the same keeps it from a long number.
        let label_columns = (name.len() + 2).max(16);
        line.literal(&" ".repeat(label_columns - name.len() - 1))?;
        line.unsigned(24_usize.saturating_sub(label_columns))?;
        if !is_known {
            line.skips(" kB");
        } else if !name.starts_with("HugePages_") {
            line.literal(" kB")?;
        }
        line.end()?;
    }
    order.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::meminfo;

    /// From Linux 6.18.
    const SAMPLE: &str = include_str!("samples/meminfo");

    #[test]
    fn only_linux_text_passes() {
        assert_strict(
            meminfo,
            SAMPLE,
            &[
                ("MemFree", "Memfree"),
                (" kB\nMemFree", "\nMemFree"),
                (" kB\nMemFree", " KB\nMemFree"),
                (" kB\nMemFree", " kB \nMemFree"),
                ("MemTotal:       24684092", "MemTotal:      24684092"),
                ("MemTotal:       24684092", "MemTotal:       -4684092"),
                ("Buffers", "Cached"),
                ("HugePages_Total:       0", "HugePages_Total:       0 kB"),
                ("HugePages_Total:       0", "HugePages_Total:        0"),
                ("SwapFree:              0 kB\n", ""),
                (
                    "SwapFree:              0 kB\n",
                    "SwapFree:              0 kB\nOwn:                   0 kB\n",
                ),
                (
                    "Zswap:                 0 kB\n",
                    "Zswap:                 0 kB\nZswap:                 0 kB\n",
                ),
            ],
        );
        assert_every_blank_counts(meminfo, SAMPLE);
        assert!(meminfo("").is_err());
    }

    #[test]
    fn own_fields_stand_last() {
        meminfo(&format!("{SAMPLE}HeapLarge:            12 kB\nMemstatUntracked:      0\n")).unwrap();
        meminfo(&format!("{SAMPLE}MemstatUntracked: 10000000\n")).unwrap();
        assert!(meminfo(&format!("{SAMPLE}MemstatUntracked:10000000\n")).is_err());
        assert!(meminfo(&format!("Own:                  12 kB\n{SAMPLE}")).is_err());
        assert!(meminfo(&format!("{SAMPLE}Own:                  12 MB\n")).is_err());
        assert!(meminfo(&format!("{SAMPLE}Own:                  12\nOwn:                  12\n")).is_err());
    }

    #[test]
    fn optional_fields_may_be_missing() {
        meminfo(&SAMPLE.replace("Zswap:                 0 kB\n", "")).unwrap();
        let corrupted = "HardwareCorrupted:     0 kB\nAnonHugePages";
        meminfo(&SAMPLE.replace("AnonHugePages", corrupted)).unwrap();
        assert!(
            meminfo(&SAMPLE.replace("AnonHugePages", &corrupted.replace("     0", "        0"))).is_err()
        );
    }
}
