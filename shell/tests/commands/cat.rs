//! `cat`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "files come one after the other, as they are",
        &[
            ("(echo one; echo -n two) > a; echo three > b", ""),
            ("cat a b", "one\ntwothree"),
            ("cat a - b < b", "one\ntwothree\nthree"),
            ("cat -- a", "one\ntwo"),
            ("> empty; cat empty", ""),
            ("cat /dev/null /proc/version", "Tally version 0.1.0"),
        ],
    ),
    case(
        "the input is read where no file is named",
        &[
            ("echo x > a; cat < a", "x"),
            ("echo b a | cat | cat", "b a"),
            ("cat", "cat: nothing to read: name a file, or use < or |"),
            ("cat -", "cat: nothing to read: name a file, or use < or |"),
        ],
    ),
    case(
        "each file that cannot be read is one line, and the others come",
        &[
            ("echo x > a; ln -s loop loop", ""),
            ("cat /proc/a?", "cat: /proc/a?: no such file or directory (ENOENT); file name patterns are not supported"),
            ("cat nope a /proc", "cat: nope: no such file or directory (ENOENT)\nx\ncat: /proc: is a directory (EISDIR)"),
            ("cat loop", "cat: loop: too many symbolic links (ELOOP)"),
            ("cat a/b", "cat: a/b: not a directory (ENOTDIR)"),
            ("cat /dev/broken", "cat: /dev/broken: input/output error (EIO)"),
            ("cat '' || echo failed", "cat: : no such file or directory (ENOENT)\nfailed"),
            ("cat a nope > /dev/null || echo failed", "cat: nope: no such file or directory (ENOENT)\nfailed"),
            ("cat \"a'b\"", "cat: a'b: no such file or directory (ENOENT)"),
            ("cat a && echo fine", "x\nfine"),
        ],
    ),
    case(
        "a table longer than every buffer comes whole",
        &[("cat /proc/rows | wc", "   5001   10001   43895"), ("cat /proc/rows | tail -n 1", "row 4999")],
    ),
    case("options of POSIX do what it says", &[("echo a | cat -u", "a"), ("cat -n", "usage: cat [-u] [FILE...]")]),
];
