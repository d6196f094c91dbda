//! `mkdir`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "directories are made, with -p those above too",
        &[
            ("mkdir a b; ls | head -n 2", "a\nb"),
            ("mkdir -p c/d/e; ls c/d", "e"),
            ("mkdir -p c/d/e && echo fine", "fine"),
            ("mkdir -p /tmp//x/./y; ls /tmp/x", "y"),
            ("mkdir -- -x; ls -- -x", ""),
        ],
    ),
    case(
        "what cannot be made is one line",
        &[
            ("mkdir", "usage: mkdir [-p] DIRECTORY..."),
            ("mkdir -x a", "usage: mkdir [-p] DIRECTORY..."),
            ("touch f; mkdir d; mkdir d e || echo failed; ls -a e", "mkdir: d: exists already (EEXIST)\nfailed\n.\n.."),
            ("mkdir f", "mkdir: f: exists already (EEXIST)"),
            ("mkdir -p f", "mkdir: f: exists already (EEXIST)"),
            ("mkdir -p f/g", "mkdir: f/g: not a directory (ENOTDIR)"),
            ("mkdir f/g", "mkdir: f/g: not a directory (ENOTDIR)"),
            ("mkdir x/y", "mkdir: x/y: no such file or directory (ENOENT)"),
            ("mkdir ''", "mkdir: : no such file or directory (ENOENT)"),
            ("mkdir /ro/x", "mkdir: /ro/x: read-only file system (EROFS)"),
            ("mkdir /proc/x", "mkdir: /proc/x: permission denied (EACCES)"),
        ],
    ),
];
