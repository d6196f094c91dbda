//! Longer sequences, in which each line builds on those before it: what one command leaves is the next one's input.

use crate::host::Terminal;

/// Types each line at the machine, and holds its answer against the expected one.
fn expect(terminal: &mut Terminal, cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        assert_eq!(terminal.run(line), *expected, "`{line}`");
    }
    assert_eq!((terminal.host.lent(), terminal.host.open_files()), (0, 0));
}

#[test]
fn trees_are_made_copied_moved_and_removed() {
    const NO_D: &str = "rmdir: /tmp/d: no such file or directory (ENOENT)\ngone";
    expect(
        &mut Terminal::new(),
        &[
            ("mkdir -p /tmp/d/e/f; mkdir -p /tmp/d/e; ls /tmp/d", "e"),
            ("echo text > /tmp/d/a; cp /tmp/d/a /tmp/d/e; cat /tmp/d/e/a", "text"),
            ("ln -s ../a /tmp/d/e/link; cat /tmp/d/e/link", "text"),
            ("cp -r /tmp/d /tmp/copy; cat /tmp/copy/e/link; ls /tmp/copy/e", "text\na\nf\nlink"),
            ("mv /tmp/copy/a /tmp/copy/e/f; cat /tmp/copy/e/f/a", "text"),
            // The tree goes to another file system, link and all.
            ("mv /tmp/copy /moved; ls /tmp; ls /moved/e; cat /moved/e/f/a", "d\na\nf\nlink\ntext"),
            ("mv /moved/e/a /tmp/there; cat /tmp/there; ls /moved/e", "text\nf\nlink"),
            ("touch /tmp/t; wc -c /tmp/t; rm /tmp/t; ls /tmp", "0 /tmp/t\nd\nthere"),
            ("rm -r /moved; ls / | grep -c moved", "0"),
            ("rm -f /tmp/nope; rm -rf /tmp/d; rmdir /tmp/d || echo gone", NO_D),
            ("mkdir /tmp/d; rmdir /tmp/d; ls /tmp", "there"),
            ("((((mkdir -p /tmp/k/l; cp -r /tmp/k /m; mv /m /tmp/k; rm -r /tmp/k; echo deep))))", "deep"),
            ("touch /tmp/.dot; ls /tmp; ls -a /tmp", "there\n.\n..\n.dot\nthere"),
        ],
    );
}

#[test]
fn errors_name_the_file() {
    let mut terminal = Terminal::new();
    terminal.run("touch /tmp/f; mkdir /tmp/d; touch /tmp/d/x; ln -s loop /tmp/loop");
    expect(
        &mut terminal,
        &[
            ("echo x > /proc/meminfo", "shell: /proc/meminfo: permission denied (EACCES)"),
            ("echo x > /tmp", "shell: /tmp: is a directory (EISDIR)"),
            ("echo x > /tmp/f/g", "shell: /tmp/f/g: not a directory (ENOTDIR)"),
            ("cat < /nope", "shell: /nope: no such file or directory (ENOENT)"),
            ("cat /tmp/loop", "cat: /tmp/loop: too many symbolic links (ELOOP)"),
            ("rm /tmp/d", "rm: /tmp/d: is a directory (EISDIR)"),
            ("rmdir /tmp/d", "rmdir: /tmp/d: directory not empty (ENOTEMPTY)"),
            ("rmdir /tmp/f", "rmdir: /tmp/f: not a directory (ENOTDIR)"),
            ("mkdir /tmp/d", "mkdir: /tmp/d: exists already (EEXIST)"),
            ("mkdir -p /tmp/f/g", "mkdir: /tmp/f/g: not a directory (ENOTDIR)"),
            ("rm /proc/meminfo", "rm: /proc/meminfo: permission denied (EACCES)"),
            ("rm -r / /tmp/..", "rm: /: in use (EBUSY)\nrm: /tmp/..: in use (EBUSY)"),
            ("cp /tmp/f /tmp/f", "cp: /tmp/f and /tmp/f are the same file"),
            ("cp /tmp/d /tmp/e", "cp: /tmp/d: is a directory (EISDIR)"),
            ("cp -r /tmp/d /tmp/d", "cp: /tmp/d: invalid argument (EINVAL)"),
            ("cp /tmp/f /tmp/nope/x", "cp: /tmp/nope/x: no such file or directory (ENOENT)"),
            ("cp /tmp/f /tmp/loop /tmp/f", "cp: /tmp/f: not a directory (ENOTDIR)"),
            ("mv /tmp/d /tmp/d/e", "mv: /tmp/d: invalid argument (EINVAL)"),
            ("mv /tmp /t", "mv: /tmp: in use (EBUSY)"),
            ("stat /tmp/nope", "stat: /tmp/nope: no such file or directory (ENOENT)"),
            ("diff /tmp/f /tmp/nope", "diff: /tmp/nope: no such file or directory (ENOENT)"),
            ("cat /tmp/d | wc -c", "cat: /tmp/d: is a directory (EISDIR)\n0"),
            ("ln -s x /tmp/f", "ln: /tmp/f: exists already (EEXIST)"),
        ],
    );
}

#[test]
fn full_file_system_ends_the_command_and_loses_nothing() {
    let mut terminal = Terminal::new();
    terminal.host.temporary.set_limit_pages(16);
    terminal.run("(echo 1; echo 2; echo 3; echo 4) > /big");
    for _ in 0..12 {
        terminal.run("(cat /big; cat /big) > /big2; mv /big2 /big");
    }
    expect(
        &mut terminal,
        &[
            ("wc -c /big", "32768 /big"),
            ("cat /big /big > /tmp/a", "shell: /tmp/a: no space left on device (ENOSPC)"),
            ("cp /big /tmp/a; wc -c /tmp/a", "32768 /tmp/a"),
            ("cp /big /tmp/b", "cp: /tmp/b: no space left on device (ENOSPC)"),
            ("cat /big | tee /tmp/b | wc -c", "tee: /tmp/b: no space left on device (ENOSPC)\n32768"),
            ("mv /big /tmp/b", "mv: /tmp/b: no space left on device (ENOSPC)"),
            // What could not be moved is still there.
            ("wc -c /big; rm /tmp/b; ls /tmp", "32768 /big\na"),
            (
                "head -n 100 /big > /small; mv /small /tmp; wc -l /tmp/small; ls / | grep small",
                "100 /tmp/small",
            ),
        ],
    );
}

#[test]
fn hundred_thousand_lines_are_compared_and_sorted() {
    let mut terminal = Terminal::new();
    terminal.run("(echo one; echo two; echo three; echo four) > /l");
    for _ in 0..15 {
        terminal.run("(cat /l; cat /l) > /m; mv /m /l");
    }
    expect(
        &mut terminal,
        &[
            ("wc -l /l", "131072 /l"),
            ("(head -n 60000 /l; echo new; tail -n 71071 /l; echo last) > /m", ""),
            ("diff /l /m", "60001c60001\n< one\n---\n> new\n131072a131073\n> last"),
            ("head -n 20000 /l | sort -u | wc -l", "4"),
            (
                "head -n 8000 /l > a; head -n 8000 /l | grep -n . > b; diff a b",
                "diff: a and b: the files differ in more than 10000 lines",
            ),
        ],
    );
}
