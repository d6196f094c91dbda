//! `cp`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "a file is copied to a name or into a directory",
        &[
            ("echo text > a; mkdir d; cp a b; cp a d; cat b d/a", "text\ntext"),
            ("echo longer text > b; cp a b; cat b", "text"),
            ("echo more >> a; cat b", "text"),
            ("cp a b d; ls d", "a\nb"),
            ("ln -s a link; cp link c; rm a; cat c", "text\nmore"),
            ("cp /proc/version v; cat v", "Tally version 0.1.0"),
            ("cp d/a .; cat a", "text\nmore"),
            ("echo - > dash; cp -- dash -x; cat -- -x", "-"),
            ("cp v /tmp; cat /tmp/v", "Tally version 0.1.0"),
        ],
    ),
    case(
        "a tree is copied with its links, over what is there too",
        &[
            ("mkdir -p d/e/f; echo text > d/a; ln -s ../a d/e/link", ""),
            ("cp -r d copy; ls copy/e; cat copy/e/link", "f\nlink\ntext"),
            ("ls -l copy/e/link", "lrwxrwxrwx   1 0 0          4 2026-11-25 21:38 copy/e/link -> ../a"),
            ("cp -r d copy; ls copy; ls copy/d", "a\nd\ne\na\ne"),
            ("cp -r d/a d/e x || echo failed", "cp: x: not a directory (ENOTDIR)\nfailed"),
            ("cp -r d/a single; cat single", "text"),
            ("cp -r d /tmp/moved; cat /tmp/moved/e/link", "text"),
            ("rm -r copy; mkdir copy; ln -s x copy/d; cp -r d copy || echo failed", "cp: copy/d: exists already (EEXIST)\nfailed"),
        ],
    ),
    case(
        "what cannot be copied is one line",
        &[
            ("touch a; mkdir d", ""),
            ("cp a", "usage: cp [-rR] FROM... TO"),
            ("cp", "usage: cp [-rR] FROM... TO"),
            ("cp -x a b", "usage: cp [-rR] FROM... TO"),
            ("cp a a || echo failed", "cp: a and a are the same file\nfailed"),
            ("ln -s a l; cp a l", "cp: a and l are the same file"),
            ("cp d e", "cp: d: is a directory (EISDIR)"),
            ("cp -r d d", "cp: d: invalid argument (EINVAL)"),
            ("cp -r / /tmp/x", "cp: /: invalid argument (EINVAL)"),
            ("cp -r d d/e", "cp: d: invalid argument (EINVAL)"),
            ("cp -r d dd; ls", "a\nd\ndd\ndev\nl\nproc\nro\ntmp"),
            ("cp a nope/x", "cp: nope/x: no such file or directory (ENOENT)"),
            ("cp nope b", "cp: nope: no such file or directory (ENOENT)"),
            ("cp a nope a", "cp: a: not a directory (ENOTDIR)"),
            ("cp a nope d || echo failed; ls d", "cp: nope: no such file or directory (ENOENT)\nfailed\na"),
            ("cp nope a d || echo failed", "cp: nope: no such file or directory (ENOENT)\nfailed"),
            ("cp a /ro/a", "cp: /ro/a: read-only file system (EROFS)"),
            ("cp a /proc/new", "cp: /proc/new: permission denied (EACCES)"),
            ("cp /dev/broken b", "cp: /dev/broken: input/output error (EIO)"),
            ("echo x > a; cp a /dev/broken", "cp: /dev/broken: input/output error (EIO)"),
            ("cp a /dev/stuck", "cp: /dev/stuck: input/output error (EIO)"),
            ("echo odd > s; cp s /proc/switch", "cp: /proc/switch: invalid argument (EINVAL)"),
            ("echo -n odd > s; cp s /proc/switch", "cp: /proc/switch: invalid argument (EINVAL)"),
            ("echo on > s; cp s /proc/switch && echo fine", "fine"),
        ],
    ),
    case("options of POSIX do what it says", &[("mkdir d; echo a > d/f; cp -R d e; cat e/f", "a"), ("cp -p d/f g", "usage: cp [-rR] FROM... TO"), ("cp -f d/f g", "usage: cp [-rR] FROM... TO")]),
];
