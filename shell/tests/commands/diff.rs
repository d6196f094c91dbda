//! `diff`.

use crate::host::Terminal;
use crate::{Case, case};

const COLLISION: &str = "2c2\n< 8yn0iYCKYHlIj4-BwPqk\n---\n> GReLUrM4wMqfg9yzV3KQ\n3c3\n< gMPflVXtwGDXbIhP73TX\n---\n> LtHf1prlU1bCeYZEdqWf\ndiffer";

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
            ("diff - b < a | head -n 1; cat b | diff a - | tail -n 1", "0a1\n> x"),
            ("(head -n 1 > /dev/null; diff - b | head -n 1) < a", "0a1,2"),
        ],
    ),
    case(
        "lines of the same hash are compared byte by byte",
        // Two pairs of one FNV-1a hash each (64 bits), as found by P. Stibrany, 2017.
        &[
            ("(echo a; echo 8yn0iYCKYHlIj4-BwPqk; echo gMPflVXtwGDXbIhP73TX; echo b) > c; (echo a; echo GReLUrM4wMqfg9yzV3KQ; echo LtHf1prlU1bCeYZEdqWf; echo b) > d", ""),
            ("diff c d || echo differ", COLLISION),
            ("diff c c && echo same", "same"),
            ("(echo x; cat c) > e; diff e d | head -n 4", "1d0\n< x\n3c2\n< 8yn0iYCKYHlIj4-BwPqk"),
            ("echo -n 8yn0iYCKYHlIj4-BwPqk > f; echo -n GReLUrM4wMqfg9yzV3KQ > g; diff f g | grep -c No", "2"),
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
            ("diff a /tmp", "diff: /tmp: is a directory (EISDIR)"),
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
