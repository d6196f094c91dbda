//! `grep`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "lines that match are written",
        &[
            ("(echo delta 4; echo alpha 10; echo Beta 9; echo alpha 10; echo gamma -1) > t", ""),
            ("grep alpha t", "alpha 10\nalpha 10"),
            ("grep -vc alpha t", "3"),
            ("grep -n -i BETA t", "3:Beta 9"),
            ("grep -v -n a t || echo none", "none"),
            ("grep '^.e.*a' t", "delta 4\nBeta 9"),
            ("grep '1$' t", "gamma -1"),
            ("grep '' t | wc -l", "5"),
            ("cat t | grep -F '.' || echo none", "none"),
            ("grep -F -c a t", "5"),
            ("grep -c x t || echo none", "0\nnone"),
            ("grep 10 t t", "t:alpha 10\nt:alpha 10\nt:alpha 10\nt:alpha 10"),
            ("grep -c 10 t -", "t:2\ngrep: nothing to read: name a file, or use < or |"),
            ("grep -n 9 t - < t", "t:3:Beta 9\n-:3:Beta 9"),
            ("grep -- -1 t", "gamma -1"),
            ("grep -h a t", "usage: grep [-vcilnqsxF] PATTERN [FILE...]"),
        ],
    ),
    case(
        "the last line may lack its end",
        &[("(echo a; echo -n b) > t; grep b t; grep -vn a t; grep -c . t", "b\n2:b\n2"), ("> e; grep -c '' e || echo none", "0\nnone")],
    ),
    case(
        "what cannot be searched, or searched for, is one line",
        &[
            ("grep", "usage: grep [-vcilnqsxF] PATTERN [FILE...]"),
            ("grep a", "grep: nothing to read: name a file, or use < or |"),
            ("grep '[a]' x", "grep: [a]: '[' is not supported in a pattern; \\[ is the character"),
            ("grep '\\(a\\)' x", "grep: \\(a\\): '\\(' is not supported in a pattern"),
            ("grep 'a\\' x", "grep: a\\: the pattern ends with a backslash"),
            ("grep a nope || echo failed", "grep: nope: no such file or directory (ENOENT)\nfailed"),
            ("echo a > t; grep a nope t || echo failed", "grep: nope: no such file or directory (ENOENT)\nt:a\nfailed"),
            ("grep a /tmp", "grep: /tmp: is a directory (EISDIR)"),
        ],
    ),
    case(
        "options of POSIX do what it says",
        &[
            ("(echo one; echo two; echo one more) > t; echo none > u", ""),
            ("grep -q one t && echo yes; grep -q four t || echo no", "yes\nno"),
            ("(grep -q one; cat) < t", "two\none more"),
            ("cat t | (grep -q two; cat)", "one more"),
            ("grep -l one t u nope; grep -sl one t nope", "t\nu\ngrep: nope: no such file or directory (ENOENT)\nt"),
            ("grep -l o < t; grep -lv o u", "(standard input)"),
            ("(grep -l one; cat) < t", "(standard input)\ntwo\none more"),
            ("grep -x one t; grep -xF 'one more' t; grep -cx 'o.*' t", "one\none more\n2"),
            ("grep -qs one nope t && echo yes", "yes"),
            ("grep -s one nope || echo no", "no"),
        ],
    ),
];
