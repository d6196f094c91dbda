//! `ls`.

use shell::Host;
use vfs::OpenFlags;

use crate::files::set_clock;
use crate::host::Terminal;
use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "names are sorted, and those that begin with a dot are for -a",
        &[
            ("mkdir d; cd d; touch b a B .dot 10 9; mkdir c; ls", "10\n9\nB\na\nb\nc"),
            ("ls -a", ".\n..\n.dot\n10\n9\nB\na\nb\nc"),
            ("ls c; ls -a c", ".\n.."),
            ("ls a ../d/b", "a\n../d/b"),
            ("ls c ../d | head -n 4", "c:\n\n../d:\n10"),
            ("ls /proc", "meminfo\nrows\nself\nswitch\nsys\nuptime\nversion"),
            ("ls '/proc/[a]'", "ls: /proc/[a]: no such file or directory (ENOENT); file name patterns are not supported"),
            ("ls -- -x || echo failed", "ls: -x: no such file or directory (ENOENT)\nfailed"),
        ],
    ),
    case(
        "long rows have mode, links, owners, size and time",
        &[
            ("cd /tmp; echo text > a; mkdir d; ln -s /proc/version v", ""),
            (
                "ls -l",
                "-rw-r--r--   1 0 0          5 2026-11-25 21:38 a\ndrwxr-xr-x   2 0 0          0 2026-11-25 21:38 d\n\
                 lrwxrwxrwx   1 0 0         13 2026-11-25 21:38 v -> /proc/version",
            ),
            ("ls -l v", "lrwxrwxrwx   1 0 0         13 2026-11-25 21:38 v -> /proc/version"),
            ("ls v", "v"),
            ("ls -l /dev/null", "crw-rw-rw-   1 0 0          0 2026-11-25 21:38 /dev/null"),
            ("ls -lR", "usage: ls [-laAd1] [PATH...]"),
        ],
    ),
    case(
        "what is not there is one line, and the rest is listed",
        &[
            ("touch f; ls nope f", "ls: nope: no such file or directory (ENOENT)\nf"),
            ("ls f/x", "ls: f/x: not a directory (ENOTDIR)"),
            ("ln -s loop loop; ls loop/x", "ls: loop/x: too many symbolic links (ELOOP)"),
        ],
    ),
    case("options of POSIX do what it says", &[("mkdir d; touch d/.x d/y; ls -A d; ls -1 d; ls -d d; ls -Ad d d", ".x\ny\ny\nd\nd\nd"), ("ln -s d l; ls -d l; ls -ld d | wc -l", "l\n1"), ("ls -F d", "usage: ls [-laAd1] [PATH...]")]),
];

#[test]
fn colours_are_for_the_console_alone() {
    let mut terminal = Terminal::new();
    terminal.run("mkdir d; touch f; ln -s f l");
    let shown = terminal.run_raw("ls; ls /dev/null");
    for part in ["\x1b[1;34md\x1b[0m\n", "\nf\n", "\x1b[1;36ml\x1b[0m\n", "\x1b[1;33m/dev/null\x1b[0m\n"] {
        assert!(shown.contains(part), "{shown:?} has no {part:?}");
    }
    assert_eq!(terminal.run_raw("ls | cat").lines().next(), Some("d"));
}

#[test]
fn time_is_when_the_file_was_changed() {
    let mut terminal = Terminal::new();
    set_clock(951_782_400);
    terminal.run("touch a");
    set_clock(1_709_251_199);
    terminal.run("touch b");
    let listed = terminal.run("ls -l a b");
    assert!(listed.contains(" 2000-02-29 00:00 a\n") && listed.contains(" 2024-02-29 23:59 b"), "{listed}");
}

#[test]
fn without_memory_for_the_names_they_come_in_their_own_order() {
    let mut terminal = Terminal::new();
    terminal.run("mkdir d; touch d/c d/a d/b d/.dot");
    terminal.host.buffers.fail_at(1);
    let mut names: Vec<String> = terminal.run("ls d").lines().map(str::to_owned).collect();
    assert!(terminal.host.buffers.stop_failing());
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn odd_characters_in_names_are_shown_and_not_done() {
    let mut terminal = Terminal::new();
    let make = OpenFlags::WRITE | OpenFlags::CREATE;
    let file = terminal.host.files().open("/tmp", "a\u{1b}[31m\nb", make).unwrap();
    terminal.host.files().close(file).unwrap();
    assert_eq!(terminal.run_raw("ls /tmp"), "a\\u{1b}[31m\\nb\n");
    assert!(terminal.run("ls -l /tmp").ends_with(" a\\u{1b}[31m\\nb"));
}
