//! `rmdir`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case("empty directories are taken away", &[("mkdir -p a b/c; rmdir a b/c b; ls | head -n 1", "dev")]),
    case(
        "what is full, or none, is one line",
        &[
            ("mkdir -p d/e; touch f", ""),
            ("rmdir", "usage: rmdir DIRECTORY..."),
            ("rmdir -p d", "usage: rmdir DIRECTORY..."),
            ("rmdir d d/e || echo failed; ls -a d", "rmdir: d: directory not empty (ENOTEMPTY)\nfailed\n.\n.."),
            ("rmdir f", "rmdir: f: not a directory (ENOTDIR)"),
            ("rmdir nope || echo gone", "rmdir: nope: no such file or directory (ENOENT)\ngone"),
            ("rmdir / /tmp .", "rmdir: /: in use (EBUSY)\nrmdir: /tmp: in use (EBUSY)\nrmdir: .: in use (EBUSY)"),
            ("rmdir /proc/sys", "rmdir: /proc/sys: permission denied (EACCES)"),
        ],
    ),
    case(
        "a link with a slash is no directory",
        &[
            ("mkdir -p d/e; echo a > d/f; ln -s d l; ln -s d/e m", ""),
            ("rmdir m/ || ls d", "rmdir: m/: not a directory (ENOTDIR)\ne\nf"),
            ("rmdir m; rm m/; rm -r l/ || ls d", "rmdir: m: not a directory (ENOTDIR)\nrm: m/: not a directory (ENOTDIR)\nrm: l/: not a directory (ENOTDIR)\ne\nf"),
            ("mv l/ x || ls -l | wc -l", "mv: l/: not a directory (ENOTDIR)\n7"),
            ("rmdir d/e/ && ls l/", "f"),
        ],
    ),
];
