//! `stat`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "all that is known is shown",
        &[
            ("cd /tmp; echo text > a; mkdir d; ln -s a l", ""),
            (
                "stat a",
                "  File: a\n  Size: 5               Blocks: 8          regular file\n Inode: 4294967298      Links: 1\n  \
                 Mode: 0644/-rw-r--r--  Uid: 0  Gid: 0\nModify: 2026-11-25 21:38 UTC",
            ),
            ("stat l | head -n 2", "  File: l -> a\n  Size: 1               Blocks: 8          symbolic link"),
            ("stat d | grep directory", "  Size: 0               Blocks: 0          directory"),
            ("stat /dev/null | grep -c 'character device'", "1"),
            ("stat a d l | grep -c File", "3"),
        ],
    ),
    case(
        "what is not there is one line",
        &[
            ("stat", "usage: stat FILE..."),
            ("stat -x a", "usage: stat FILE..."),
            ("stat nope || echo failed", "stat: nope: no such file or directory (ENOENT)\nfailed"),
            ("stat nope /proc/version | grep -c Mode", "stat: nope: no such file or directory (ENOENT)\n1"),
        ],
    ),
];
