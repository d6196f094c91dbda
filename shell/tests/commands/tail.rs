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
        "what makes no sense is refused",
        &[
            ("tail -x", "usage: tail [-n LINES] [FILE...]"),
            ("tail -n x", "usage: tail [-n LINES] [FILE...]"),
            ("tail", "tail: nothing to read: name a file, or use < or |"),
            ("tail nope", "tail: nope: no such file or directory (ENOENT)"),
            ("tail /tmp", "tail: /tmp: is a directory (EISDIR)"),
            ("tail /dev/broken", "tail: /dev/broken: input/output error (EIO)"),
        ],
    ),
];
