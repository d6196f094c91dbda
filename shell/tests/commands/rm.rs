//! `rm`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "names are taken away, with -r those below first",
        &[
            ("touch a b; rm a b; ls | head -n 1", "dev"),
            ("mkdir -p d/e/f; touch d/a d/e/b d/e/f/c; ln -s .. d/up; rm -r d; ls | head -n 1", "dev"),
            ("touch a; ln -s a l; rm l; ls | head -n 1", "a"),
            ("mkdir d; touch d/x; ln -s d dl; rm -r dl; ls d", "x"),
            ("rm -rf d nope; rm -f; rm -f nope && echo fine", "fine"),
            ("touch -- -x || touch ./-x; rm -- -x; ls | head -n 1", "a"),
            ("cat < a && rm a && cat a", "cat: a: no such file or directory (ENOENT)"),
        ],
    ),
    case(
        "what cannot be removed is one line",
        &[
            ("mkdir d; touch d/x f", ""),
            ("rm", "usage: rm [-rRf] FILE..."),
            ("rm -x f", "usage: rm [-rRf] FILE..."),
            ("rm d || echo failed", "rm: d: is a directory (EISDIR)\nfailed"),
            ("rm nope f; ls f", "rm: nope: no such file or directory (ENOENT)\nls: f: no such file or directory (ENOENT)"),
            ("rm /proc/version", "rm: /proc/version: permission denied (EACCES)"),
            ("rm -r / /tmp/.. . ..", "rm: /: in use (EBUSY)\nrm: /tmp/..: in use (EBUSY)\nrm: .: in use (EBUSY)\nrm: ..: in use (EBUSY)"),
            ("rm -r /tmp", "rm: /tmp: in use (EBUSY)"),
            ("rm -r /proc/sys", "rm: /proc/sys: permission denied (EACCES)"),
            ("rm -f /ro/x && rm -f d/x/y", "rm: d/x/y: not a directory (ENOTDIR)"),
            ("rm -r d/x/", "rm: d/x/: not a directory (ENOTDIR)"),
        ],
    ),
    case("options of POSIX do what it says", &[("mkdir d; touch d/f; rm -R d; ls", "dev\nproc\nro\ntmp"), ("rm -i x", "usage: rm [-rRf] FILE...")]),
];
