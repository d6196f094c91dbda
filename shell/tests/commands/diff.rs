//! `diff`.

use crate::host::Terminal;
use crate::{Case, case};

const AT_END: &str = "1c1,4\n< 4\n\\ No newline at end of file\n---";

pub(crate) const CASES: &[Case] = &[
    case(
        "changes stand in the classic form",
        &[
            ("(echo 1; echo 2; echo 3; echo 4) > a; (echo 0; echo 1; echo 2; echo x; echo 4) > b", ""),
            ("diff a a && echo same", "same"),
            ("diff a b || echo differ", "0a1\n> 0\n3c4\n< 3\n---\n> x\ndiffer"),
            ("diff b a", "1d0\n< 0\n4c3\n< x\n---\n> 3"),
            ("echo -n 4 > c; diff c a | head -n 4", AT_END),
            ("> empty; diff empty empty && diff empty a", "0a1,4\n> 1\n> 2\n> 3\n> 4"),
            ("diff a empty | head -n 2", "1,4d0\n< 1"),
            ("cp /proc/rows r; diff r /proc/rows && echo same", "same"),
        ],
    ),
    case(
        "what cannot be compared is one line",
        &[
            ("touch a", ""),
            ("diff a", "usage: diff FILE FILE"),
            ("diff a a a", "usage: diff FILE FILE"),
            ("diff -u a a", "usage: diff FILE FILE"),
            ("diff a nope || echo failed", "diff: nope: no such file or directory (ENOENT)\nfailed"),
            ("diff nope nope2", "diff: nope: no such file or directory (ENOENT)\ndiff: nope2: no such file or directory (ENOENT)"),
            ("diff a /tmp", "diff: a and /tmp: is a directory (EISDIR)"),
            ("diff /dev/broken a", "diff: /dev/broken and a: input/output error (EIO)"),
        ],
    ),
];

#[test]
fn files_that_differ_too_much_are_refused() {
    let mut terminal = Terminal::new();
    terminal.run("grep -n . /proc/rows > a; (cat /proc/rows; cat /proc/rows) > b; (cat a; cat a) > c");
    assert_eq!(terminal.run("diff b c"), "diff: b and c: the files differ in more than 10000 lines");
    assert_eq!(terminal.run("head -n 99 a > d; head -n 99 b > e; diff d e | wc -l"), "200");
}
