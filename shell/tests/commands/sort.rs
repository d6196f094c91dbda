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
        "numbers are compared to the last digit",
        &[
            ("(echo 0.9; echo 0.123; echo 0.10; echo -1.5; echo -1.25; echo ' .5'; echo +7; echo -; echo 10) > n", ""),
            ("sort -n n", "-1.5\n-1.25\n+7\n-\n0.10\n0.123\n .5\n0.9\n10"),
            ("sort -rn n | head -n 3", "10\n0.9\n .5"),
            ("(echo x 12.000009; echo y 12.00001; echo z 2) | sort -n -k 2", "z 2\nx 12.000009\ny 12.00001"),
            ("(echo -0; echo 0.0; echo -0.1) | sort -nu", "-0.1\n-0"),
        ],
    ),
    case(
        "keys, separators and manners are those of POSIX",
        &[
            ("(echo b:2:x; echo a:10:x; echo c::y; echo a:2:w) > k", ""),
            ("sort -t : -k 2,2n k", "c::y\na:2:w\nb:2:x\na:10:x"),
            ("sort -t: -k2n,2 -k1,1r k", "c::y\nb:2:x\na:2:w\na:10:x"),
            ("sort -t : -k 3,3 -k 1,1 k", "a:2:w\na:10:x\nb:2:x\nc::y"),
            ("sort -u -t : -k 1,1 k", "a:10:x\nb:2:x\nc::y"),
            ("sort -t : -k 2,2 k | head -n 2", "c::y\na:10:x"),
            ("(echo 'a  2'; echo 'b 1') | sort -k 2", "a  2\nb 1"),
            ("(echo 'a  2'; echo 'b 1') | sort -b -k 2", "b 1\na  2"),
            ("(echo 'a  2'; echo 'b 1') | sort -k 2b,2", "b 1\na  2"),
            ("(echo xb; echo ya) | sort -k 1.2,1.2", "ya\nxb"),
            ("(echo b; echo A; echo a; echo B) | sort -f", "A\na\nB\nb"),
            ("(echo b; echo A; echo a; echo B) | sort -fu", "A\nb"),
            ("(echo b-a; echo ba; echo b-b) | sort -d", "b-a\nba\nb-b"),
            ("(echo a; echo; echo b) | sort; (echo a; echo; echo b) | sort -r | head -n 1", "\na\nb\nb"),
        ],
    ),
    case(
        "several files are sorted as one, checked, or written into one of them",
        &[
            ("(echo c; echo -n a) > p; echo b > q; sort p q; sort -m - p < q", "a\nb\nc\na\nb\nc"),
            ("sort -o p p q && cat p", "a\nb\nc"),
            ("sort -c p && echo sorted; sort -c -r p", "sorted\nsort: p:2: disorder: b"),
            ("sort -C -r p || echo no", "no"),
            ("(echo a; echo a) | sort -c && echo sorted; (echo a; echo a) | sort -cu", "sorted\nsort: -:2: disorder: a"),
            ("sort p nope || echo failed", "sort: nope: no such file or directory (ENOENT)\nfailed"),
            ("sort p >> p; wc -l p", "6 p"),
            ("sort -o /nope/x p || echo failed", "sort: /nope/x: no such file or directory (ENOENT)\nfailed"),
        ],
    ),
    case(
        "what makes no sense is refused",
        &[
            ("sort -x", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort -k 0 t", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort -k 1,0 t", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort -t ab t", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort -k x t", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort -2 t", "usage: sort [-cCmubdfinr] [-t BYTE] [-k KEY] [-o FILE] [FILE...]"),
            ("sort", "sort: nothing to read: name a file, or use < or |"),
            ("sort nope || echo failed", "sort: nope: no such file or directory (ENOENT)\nfailed"),
            ("sort /tmp; sort /proc", "sort: /tmp: is a directory (EISDIR)\nsort: /proc: is a directory (EISDIR)"),
        ],
    ),
];

const NUMBERS: &str = "-99999999999999999999999999999999999999999999\nx\n2\n10\n99999999999999999999999999999999999999999999";
