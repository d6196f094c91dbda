//! `ln`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "a link leads to its target, which need not be there",
        &[
            ("mkdir -p d/e; echo text > d/a; ln -s ../a d/e/link; cat d/e/link", "text"),
            ("ln -s d/a; cat a", "text"),
            ("ln -s ../d/a /tmp; cat /tmp/a", "text"),
            ("ln -s nowhere n; cat n; ls n", "cat: n: no such file or directory (ENOENT)\nn"),
            ("ln -s d dl; ls dl", "a\ne"),
        ],
    ),
    case(
        "what cannot be linked is one line",
        &[
            ("ln a b", "usage: ln -s [-f] TARGET [LINK]"),
            ("ln -s", "usage: ln -s [-f] TARGET [LINK]"),
            ("ln -s a b c", "usage: ln -s [-f] TARGET [LINK]"),
            ("touch f; ln -s x f || echo failed", "ln: f: exists already (EEXIST)\nfailed"),
            ("ln -s '' l", "ln: l: no such file or directory (ENOENT)"),
            ("ln -s x nope/l", "ln: nope/l: no such file or directory (ENOENT)"),
            ("ln -s x /ro/l", "ln: /ro/l: read-only file system (EROFS)"),
            ("ln -s x /proc/l", "ln: /proc/l: permission denied (EACCES)"),
        ],
    ),
    case("options of POSIX do what it says", &[("echo a > f; echo b > g; ln -s f l; ln -s g l || echo failed", "ln: l: exists already (EEXIST)\nfailed"), ("ln -sf g l && cat l", "b"), ("ln -s -f f g && cat g", "a"), ("mkdir d; ln -sf f /tmp; ln -sf /nope d/x; cat /tmp/f", "cat: /tmp/f: too many symbolic links (ELOOP)")]),
];
