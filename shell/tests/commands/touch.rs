//! `touch`.

use crate::files::set_clock;
use crate::host::Terminal;
use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "files are made, and what is there keeps its contents",
        &[("touch a b; wc -c a b", "0 a\n0 b\n0 total"), ("echo x > a; touch a; cat a", "x"), ("touch /tmp && echo fine", "fine"), ("ln -s c l; touch l; ls c", "c")],
    ),
    case(
        "what cannot be touched is one line",
        &[
            ("touch", "usage: touch [-c] FILE..."),
            ("touch -t a", "usage: touch [-c] FILE..."),
            ("touch nope/a b || echo failed; ls b", "touch: nope/a: no such file or directory (ENOENT)\nfailed\nb"),
            ("touch /proc/version", "touch: /proc/version: operation not permitted (EPERM)"),
            ("touch /proc/new", "touch: /proc/new: permission denied (EACCES)"),
            ("touch /ro/x", "touch: /ro/x: read-only file system (EROFS)"),
            ("touch b/", "touch: b/: not a directory (ENOTDIR)"),
        ],
    ),
    case("options of POSIX do what it says", &[("touch -c a; ls a", "ls: a: no such file or directory (ENOENT)"), ("touch a; touch -c a && ls a", "a"), ("touch -m a", "usage: touch [-c] FILE...")]),
];

#[test]
fn time_is_set_to_now() {
    let mut terminal = Terminal::new();
    terminal.run("touch a");
    set_clock(951_782_400);
    terminal.run("touch a");
    assert!(terminal.run("stat a").contains("Modify: 2000-02-29 00:00 UTC"));
}
