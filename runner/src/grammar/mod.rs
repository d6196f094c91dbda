//! Linux's text formats, checked as strictly as the format strings that Linux writes them with.
//!
//! One function per file under /proc: every blank, column width and order counts, as some program written for Linux may
//! rely on it. The functions are pure and independent of this kernel: their own tests give them text from a real Linux,
//! intact and damaged. The scenario `proc-grammar` gives them our files; `figures` reads numbers from text that they
//! have accepted.
//!
//! Sources: Linux, Documentation/filesystems/proc.rst, and the file named at the head of each module.

mod allocinfo;
mod buddyinfo;
mod cpuinfo;
mod interrupts;
mod iomem;
mod kmemleak;
mod kmsg;
mod line;
mod meminfo;
mod mounts;
mod order;
mod page_owner;
mod process;
mod slabinfo;
mod stat;
mod status;
mod times;
mod version;
mod vmallocinfo;
mod vmstat;

pub(crate) use allocinfo::allocinfo;
pub(crate) use buddyinfo::buddyinfo;
pub(crate) use iomem::iomem;
pub(crate) use kmemleak::kmemleak;
pub(crate) use meminfo::meminfo;
pub(crate) use slabinfo::slabinfo;

use crate::error::Result;

/// Checks the text of one file.
pub(crate) type Judge = fn(&str) -> Result<()>;

/// Every file of Linux's that this kernel has, by its path under /proc.
pub(crate) const FILES: &[(&str, Judge)] = &[
    ("meminfo", meminfo),
    ("buddyinfo", buddyinfo),
    ("slabinfo", slabinfo),
    ("allocinfo", allocinfo),
    ("vmallocinfo", vmallocinfo::vmallocinfo),
    ("iomem", iomem),
    ("interrupts", interrupts::interrupts),
    ("stat", stat::stat),
    ("vmstat", vmstat::vmstat),
    ("uptime", times::uptime),
    ("loadavg", times::loadavg),
    ("version", version::version),
    ("cmdline", version::cmdline),
    ("cpuinfo", cpuinfo::cpuinfo),
    ("mounts", mounts::mounts),
    ("filesystems", mounts::filesystems),
    ("kmemleak", kmemleak),
    ("page_owner", page_owner::page_owner),
    ("kmsg", kmsg::kmsg),
    ("self/stat", process::stat),
    ("self/statm", process::statm),
    ("self/comm", process::comm),
    ("self/status", status::status),
];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FILES, Judge};

    /// The sample must pass, and must fail if the first text of a pair is replaced by the second.
    pub(super) fn assert_strict(judge: Judge, sample: &str, mutations: &[(&str, &str)]) {
        judge(sample).unwrap();
        for (from, to) in mutations {
            assert!(sample.contains(from), "`{from}` is not in the sample");
            let damaged = sample.replacen(from, to, 1);
            assert!(judge(&damaged).is_err(), "`{from}` became `{to}`, and it passed:\n{damaged}");
        }
        let cut = sample.strip_suffix('\n').unwrap();
        assert!(judge(cut).is_err(), "it passed without its last newline");
        assert!(judge(&sample.replace('\n', "\r\n")).is_err(), "it passed with CR LF");
    }

    /// No blank may be missing or be there twice.
    pub(super) fn assert_every_blank_counts(judge: Judge, sample: &str) {
        for (place, _) in sample.match_indices([' ', '\t']) {
            let (before, after) = sample.split_at(place);
            for damaged in [format!("{before}{}", after.get(1..).unwrap()), format!("{before} {after}")] {
                assert!(judge(&damaged).is_err(), "a blank less or more, and it passed:\n{damaged}");
            }
        }
    }

    /// Checks the grammar itself with a real Linux. Containers and newer kernels may differ, so this is not part of the
    /// suite.
    #[test]
    #[ignore = "judges the Linux of this computer: cargo test -p runner -- --ignored this_computers"]
    fn this_computers_linux_passes() {
        for (file, judge) in FILES {
            // Reading the log would remove it for other readers, and not all files are readable by everybody.
            if *file == "kmsg" {
                continue;
            }
            match fs::read_to_string(format!("/proc/{file}")) {
                Ok(text) => judge(&text).unwrap(),
                Err(error) => println!("{file}: {error}"),
            }
        }
    }
}
