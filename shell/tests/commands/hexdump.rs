//! `hexdump`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "bytes stand in rows of 16, and rows that repeat are one star",
        &[
            (
                "echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | hexdump",
                "00000000  78 78 78 78 78 78 78 78  78 78 78 78 78 78 78 78  |xxxxxxxxxxxxxxxx|\n*\n\
                 00000030  78 78 0a                                          |xx.|\n00000033",
            ),
            (
                "echo 'Hello, world!' | hexdump -C",
                "00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 0a        |Hello, world!.|\n0000000e",
            ),
            (ROWS_THRICE, "2"),
            ("> e; hexdump e", ""),
            ("hexdump /proc/rows | tail -n 1", "0000ab77"),
            ("echo a > a; hexdump a a | wc -l", "4"),
        ],
    ),
    case(
        "what cannot be read is one line",
        &[
            ("hexdump -x a", "usage: hexdump [-C] [FILE...]"),
            ("hexdump", "hexdump: nothing to read: name a file, or use < or |"),
            ("hexdump nope", "hexdump: nope: no such file or directory (ENOENT)"),
            ("hexdump /dev/broken", "hexdump: /dev/broken: input/output error (EIO)"),
        ],
    ),
];

/// Three rows of x, one of y, three of x: two of them are a star.
const ROWS_THRICE: &str =
    "echo -n xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyyyyyyyyyyyyyyyyxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | hexdump | grep -c -F '*'";
