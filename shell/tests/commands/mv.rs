//! `mv`.

use crate::host::Terminal;
use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "files and directories get other names",
        &[
            ("echo text > a; mv a b; cat b; cat a", "text\ncat: a: no such file or directory (ENOENT)"),
            ("mkdir d; mv b d; cat d/b", "text"),
            ("mv d e; cat e/b", "text"),
            ("echo x > x; echo y > y; mv x y; cat y", "x"),
            ("echo p > p; echo q > q; mv p q e; ls e", "b\np\nq"),
            ("ln -s y l; mv l m; cat m; cat y", "x\nx"),
            ("mv y y; cat y", "x"),
        ],
    ),
    case(
        "to another file system the tree is copied, link and all, and removed",
        &[
            ("mkdir -p /tmp/copy/e/f; echo text > /tmp/copy/a; ln -s ../a /tmp/copy/e/link", ""),
            ("mv /tmp/copy/a /tmp/copy/e/f; cat /tmp/copy/e/f/a", "text"),
            ("mv /tmp/copy /moved; ls /tmp; ls /moved/e; cat /moved/e/f/a", "f\nlink\ntext"),
            ("mv /moved/e/f/a /tmp/there; cat /tmp/there; ls /moved/e", "text\nf\nlink"),
        ],
    ),
    case(
        "what cannot be moved is one line, and stays",
        &[
            ("mkdir d; touch f; touch d/x", ""),
            ("mv f", "usage: mv FROM... TO"),
            ("mv -f f g", "usage: mv FROM... TO"),
            ("mv nope x || echo failed", "mv: nope: no such file or directory (ENOENT)\nfailed"),
            ("mv d d/e", "mv: d: invalid argument (EINVAL)"),
            ("mv /tmp /t", "mv: /tmp: in use (EBUSY)"),
            ("mv f d/x/y", "mv: f: not a directory (ENOTDIR)"),
            ("mv f nope d || echo failed; ls d", "mv: nope: no such file or directory (ENOENT)\nfailed\nf\nx"),
            ("mv d/f d/x d/y", "mv: d/y: not a directory (ENOTDIR)"),
            ("mkdir -p e/d/z; mv d e", "mv: d: directory not empty (ENOTEMPTY)"),
            ("mv d/x /ro", "mv: /ro/x: read-only file system (EROFS)"),
            ("mv /proc/version v; cat v; ls /proc | grep version", "mv: /proc/version: permission denied (EACCES)\nTally version 0.1.0\nversion"),
            ("ls d", "f\nx"),
        ],
    ),
];

#[test]
fn what_found_no_space_is_still_there() {
    let mut terminal = Terminal::new();
    terminal.run("cp /proc/rows /big");
    terminal.host.temporary.set_limit_pages(8);
    assert_eq!(terminal.run("mv /big /tmp/b"), "mv: /tmp/b: no space left on device (ENOSPC)");
    assert_eq!(terminal.run("wc -c /big"), "43895 /big");
}

#[test]
fn what_ctrl_c_breaks_off_is_whole_on_one_side() {
    const FILES: [(&str, &str); 4] = [("t/a", "one"), ("t/d/b", "two"), ("t/d/e/c", "three"), ("f", "four")];
    let mut terminal = Terminal::new();
    let mut asks = 1;
    loop {
        terminal.run("mkdir -p /tmp/t/d/e; echo one > /tmp/t/a; echo two > /tmp/t/d/b; echo three > /tmp/t/d/e/c; echo four > /tmp/f");
        terminal.host.interrupt_after(asks);
        terminal.run("mv /tmp/f /; mv /tmp/t /");
        let has_come = terminal.host.stop_interrupting();
        for (name, text) in FILES {
            let sides = ["/tmp", ""].map(|side| terminal.run(&format!("cat {side}/{name}")));
            assert!(sides.contains(&text.to_owned()), "Ctrl-C after {asks}: {name} is {sides:?}");
        }
        terminal.start_over();
        if !has_come {
            break;
        }
        asks += 1;
    }
    assert!(asks > 20, "Ctrl-C came after {asks} already, so this shows little");
}
