//! `head`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "the first lines are written",
        &[
            ("(echo delta 4; echo alpha 10; echo Beta 9; echo -n last) > t", ""),
            ("head -n 2 t", "delta 4\nalpha 10"),
            ("head -1 < t", "delta 4"),
            ("head -n3 t | tail -n 1", "Beta 9"),
            ("head t; echo", "delta 4\nalpha 10\nBeta 9\nlast"),
            ("head -n 99 t; echo", "delta 4\nalpha 10\nBeta 9\nlast"),
            ("head -n 0 t", ""),
            ("head /proc/rows | tail -n 1", "row 8"),
            ("head -n 3000 /proc/rows | tail -n 1", "row 2998"),
            ("(head -n 1; cat) < /proc/version | wc -l", "1"),
        ],
    ),
    case(
        "what is not used is left to the next command",
        &[
            ("cat /proc/rows > r; (head -n 2; head -n 1) < r", "rows\nrow 0\nrow 1"),
            ("(head -n 1; wc -l) < /proc/rows", "rows\n5000"),
            ("(head -n 1; wc -l) < /proc/meminfo", "MemTotal:         254984 kB\n5"),
            ("cat r | (head -n 1000 > /dev/null; head -n 1; tail -n 1)", "row 999\nrow 4999"),
            ("(head -n 4000 > /dev/null; head -n 1; sort | head -n 1) < r", "row 3999\nrow 4000"),
            ("(head -n 0; head -n 1 - -) < r", "==> - <==\nrows\n\n==> - <==\nrow 0"),
        ],
    ),
    case(
        "several files have titles",
        &[
            ("echo a > t; head -n 1 t t", "==> t <==\na\n\n==> t <==\na"),
            ("head t nope", "==> t <==\na\nhead: nope: no such file or directory (ENOENT)"),
        ],
    ),
    case(
        "what makes no sense is refused",
        &[
            ("head -x", "usage: head [-n LINES] [FILE...]"),
            ("head -n", "usage: head [-n LINES] [FILE...]"),
            ("head -n x", "usage: head [-n LINES] [FILE...]"),
            ("head -n -1", "usage: head [-n LINES] [FILE...]"),
            ("head -n 99999999999999999999", "usage: head [-n LINES] [FILE...]"),
            ("head", "head: nothing to read: name a file, or use < or |"),
            ("head nope", "head: nope: no such file or directory (ENOENT)"),
            ("head /tmp", "head: /tmp: is a directory (EISDIR)"),
        ],
    ),
];
