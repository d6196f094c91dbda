//! `df`.

use crate::{Case, case};

const HEAD: &str = "Filesystem     1K-blocks       Used  Available Use% Mounted on";

pub(crate) const CASES: &[Case] = &[
    case(
        "file systems with room are shown, in KiB",
        &[
            ("df | head -n 1", HEAD),
            ("df | grep -c .", "4"),
            ("df | grep tmp", "tmpfs               4096          0       4096   0% /tmp"),
            ("head -c; cp /proc/rows /tmp/a; df /tmp | grep tmp", ROWS),
            ("df /tmp/a /proc | wc -l", "3"),
        ],
    ),
    case(
        "a path that leads nowhere is one line",
        &[
            ("df nope | wc -l", "df: nope: no such file or directory (ENOENT)\n1"),
            ("df nope > /dev/null || echo failed", "df: nope: no such file or directory (ENOENT)\nfailed"),
            ("df -h", "usage: df [FILE...]"),
        ],
    ),
];

const ROWS: &str = "usage: head [-n LINES] [FILE...]\ntmpfs               4096         56       4040   2% /tmp";
