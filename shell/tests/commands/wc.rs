//! `wc`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "lines, words and bytes are counted",
        &[
            ("(echo delta 4; echo alpha 10; echo Beta 9; echo alpha 10; echo gamma -1) > t", ""),
            ("wc t", "      5      10      42 t"),
            ("wc < t", "      5      10      42"),
            ("wc -l < t", "5"),
            ("wc -l -c t", "      5      42 t"),
            ("wc -w t t", "10 t\n10 t\n20 total"),
            ("wc t t | tail -n 1", "     10      20      84 total"),
            ("> e; wc e", "      0       0       0 e"),
            ("echo -n '  a  b' | wc", "      0       2       6"),
            ("cat /proc/rows | wc -w", "10001"),
            ("wc -l - < t", "5 -"),
        ],
    ),
    case(
        "what cannot be counted is one line",
        &[
            ("wc -x", "usage: wc [-lwcm] [FILE...]"),
            ("wc", "wc: nothing to read: name a file, or use < or |"),
            ("touch t; wc -c nope t", "wc: nope: no such file or directory (ENOENT)\n0 t\n0 total"),
            ("wc /tmp || echo failed", "wc: /tmp: is a directory (EISDIR)\nfailed"),
        ],
    ),
    case("options of POSIX do what it says", &[("echo \u{e4}\u{1f980} > u; wc -m u; wc -c u; wc -lm u", "3 u\n7 u\n      1       3 u"), ("wc -mc u", "usage: wc [-lwcm] [FILE...]")]),
];
