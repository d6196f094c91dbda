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
    case(
        "a directory that is gone can be left",
        &[
            ("mkdir /tmp/d; cd /tmp/d; mv /tmp/d /tmp/e; cd ..; pwd", "/tmp"),
            ("cd e; rm -r /tmp/e; cd ..; pwd", "/tmp"),
            ("mkdir -p a/b/c; cd a/b/c; rm -r /tmp/a; cd ../; pwd", "/tmp"),
            ("mkdir -p a/b/c; cd a/b/c; mv /tmp/a/b /tmp/a/x; cd ./../../x/c; pwd", "/tmp/a/x/c"),
            ("cd ..; mv c d; cd d; rm -r /tmp/a; cd ../../../../../..; pwd; cd tmp", "/"),
            ("mkdir g; cd g; rm -r /tmp/g", ""),
            ("pwd || echo failed", "pwd: /tmp/g: the current directory is gone; cd .. or cd / leaves it\nfailed"),
            ("cd x || echo failed", "cd: /tmp/g: the current directory is gone; cd .. or cd / leaves it\nfailed"),
            ("cd .", "cd: /tmp/g: the current directory is gone; cd .. or cd / leaves it"),
            ("cd ../h", "cd: ../h: no such file or directory (ENOENT)"),
            ("echo x > /tmp/g; cd ..; pwd", "/tmp"),
            ("cd -", "cd: /tmp/g: not a directory (ENOTDIR)"),
            ("rm g; mkdir g; cd g; rm -r /tmp/g; cd /; pwd", "/"),
        ],
    ),
    case("options of POSIX do what it says", &[("cd -", "cd: -: no previous directory"), ("cd tmp; cd ../dev; cd -; pwd", "/tmp\n/tmp"), ("cd -P /proc/..; pwd; cd -", "/\n/tmp"), ("(cd /dev; cd /); cd -; cd nope; cd -", "/\ncd: nope: no such file or directory (ENOENT)\n/tmp"), ("cd -L", "usage: cd [-P] [DIRECTORY]")]),
];
