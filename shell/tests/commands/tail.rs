//! `tail`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "the last lines are written",
        &[
            ("(echo delta 4; echo alpha 10; echo Beta 9) > t", ""),
            ("tail -n 2 t", "alpha 10\nBeta 9"),
            ("cat t | tail -1", "Beta 9"),
            ("tail t", "delta 4\nalpha 10\nBeta 9"),
            ("tail -n 0 t", ""),
            ("(echo a; echo -n b) | tail -n 1; echo", "b"),
            ("(echo one; echo two) | tail -n 1", "two"),
            ("tail -n 3000 /proc/rows | head -n 1", "row 2000"),
            ("tail -n 1 t t", "==> t <==\nBeta 9\n\n==> t <==\nBeta 9"),
            ("(head -n 1 > /dev/null; tail -n 9) < t", "alpha 10\nBeta 9"),
        ],
    ),
    case(
        "a plus counts from the beginning",
        &[
            ("tail -n +4999 /proc/rows", "row 4997\nrow 4998\nrow 4999"),
            ("tail -n +1 /proc/rows | wc -l; tail -n +0 /proc/rows | wc -l; tail -n +9999 /proc/rows", "5001\n5001"),
            ("cat /proc/rows | tail -n +5001; tail -n -1 /proc/rows", "row 4999\nrow 4999"),
            ("echo abcdef > c; tail -c 3 c; tail -c +5 c; tail -c -2 c; tail -c 99 c; tail -c 0 c", "ef\nef\nf\nabcdef"),
            ("tail -c 5 /proc/rows; tail -c +43890 /proc/rows | tail -n 1", "4999\n 4999"),
            ("(head -n 1; tail -n +2) < /proc/rows | head -n 2", "rows\nrow 1"),
        ],
    ),
    case(
        "what makes no sense is refused",
        &[
            ("tail -x", "usage: tail [-n LINES] [-c BYTES] [FILE...]"),
            ("tail -n x", "usage: tail [-n LINES] [-c BYTES] [FILE...]"),
            ("tail", "tail: nothing to read: name a file, or use < or |"),
            ("tail nope", "tail: nope: no such file or directory (ENOENT)"),
            ("tail -n 1 -c 1 t", "usage: tail [-n LINES] [-c BYTES] [FILE...]"),
            ("tail -n +x t", "usage: tail [-n LINES] [-c BYTES] [FILE...]"),
            ("tail -n ++1 t", "usage: tail [-n LINES] [-c BYTES] [FILE...]"),
            ("tail -f t", "usage: tail [-n LINES] [-c BYTES] [FILE...]"),
            ("tail /tmp; tail /proc", "tail: /tmp: is a directory (EISDIR)\ntail: /proc: is a directory (EISDIR)"),
            ("tail /dev/broken", "tail: /dev/broken: input/output error (EIO)"),
        ],
    ),
];
