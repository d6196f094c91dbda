//! `cd`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "the directory is the one that relative paths start in",
        &[
            ("mkdir -p /tmp/a/b; cd /tmp/a/b; pwd", "/tmp/a/b"),
            ("cd ..; pwd", "/tmp/a"),
            ("cd ../a//./b/..; pwd; ls", "/tmp/a\nb"),
            ("cd; pwd", "/"),
            ("cd ..; pwd", "/"),
            ("cd proc; pwd", "/proc"),
            ("cd self; pwd", "/proc/sys"),
            ("cd /tmp/a/b/; echo x > c; cat /tmp/a/b/c", "x"),
        ],
    ),
    case(
        "what is no directory leaves it as it was",
        &[
            ("cd tmp", ""),
            ("cd /nope || echo failed", "cd: /nope: no such file or directory (ENOENT)\nfailed"),
            ("cd /proc/version", "cd: /proc/version: not a directory (ENOTDIR)"),
            ("cd a b", "usage: cd [-P] [DIRECTORY]"),
            ("cd ''", "cd: : no such file or directory (ENOENT)"),
            ("pwd", "/tmp"),
        ],
    ),
    case("options of POSIX do what it says", &[("cd -", "cd: -: there was no directory before"), ("cd tmp; cd ../dev; cd -; pwd", "/tmp\n/tmp"), ("cd -P /proc/..; pwd; cd -", "/\n/tmp"), ("(cd /dev; cd /); cd -; cd nope; cd -", "/\ncd: nope: no such file or directory (ENOENT)\n/tmp"), ("cd -L", "usage: cd [-P] [DIRECTORY]")]),
];
