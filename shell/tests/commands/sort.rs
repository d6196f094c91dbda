//! `sort`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "lines come in their order",
        &[
            ("(echo delta 4; echo alpha 10; echo Beta 9; echo alpha 10; echo gamma -1) > t", ""),
            ("sort t", "Beta 9\nalpha 10\nalpha 10\ndelta 4\ngamma -1"),
            ("sort < t | head -n 1; cat t | sort | head -n 1", "Beta 9\nBeta 9"),
            ("sort -u -r t", "gamma -1\ndelta 4\nalpha 10\nBeta 9"),
            ("sort -n -k 2 t | head -n 2", "gamma -1\ndelta 4"),
            ("sort -k2 t | head -n 2", "gamma -1\nalpha 10"),
            ("sort -nruk 2 t", "alpha 10\nBeta 9\ndelta 4\ngamma -1"),
            ("sort -k 3 t | head -n 1", "Beta 9"),
            ("(echo b; echo -n a) | sort", "a\nb"),
            ("(echo 2; echo 10; echo 99999999999999999999999999999999999999999999; echo x; echo -99999999999999999999999999999999999999999999) | sort -n", NUMBERS),
            ("> e; sort e", ""),
            ("sort -n -k 2 /proc/rows | tail -n 1; sort -r /proc/rows | head -n 1", "row 4999\nrows"),
        ],
    ),
    case(
        "what makes no sense is refused",
        &[
            ("sort -x", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort -k 0 t", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort -k x t", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort -2 t", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort", "sort: nothing to read: name a file, or use < or |"),
            ("sort nope || echo failed", "sort: nope: no such file or directory (ENOENT)\nfailed"),
            ("sort /tmp", "sort: /tmp: is a directory (EISDIR)"),
        ],
    ),
];

const NUMBERS: &str = "-99999999999999999999999999999999999999999999\nx\n2\n10\n99999999999999999999999999999999999999999999";
