//! What is no command's: redirections, pipes, groups, lines that cannot be run, the prompt, Ctrl-C, and memory that ends.

use std::sync::atomic::Ordering;

use shell::{Command, Syntax};

use crate::host::Terminal;

/// Types each line at one machine, and holds its answer against the expected one.
fn expect(cases: &[(&str, &str)]) {
    let mut terminal = Terminal::new();
    for (line, expected) in cases {
        assert_eq!(terminal.run(line), *expected, "`{line}`");
    }
    assert_eq!((terminal.host.lent(), terminal.host.open_files()), (0, 0));
}

#[test]
fn redirections_do_what_posix_says() {
    expect(&[
        ("echo one > a", ""),
        ("echo two >> a; cat a", "one\ntwo"),
        ("cat < a", "one\ntwo"),
        ("echo three >a; cat a", "three"),
        ("> empty; wc -c < empty", "0"),
        ("echo -n x > a; echo y >> a; cat a", "xy"),
        ("echo a > x > y; cat x y", "a"),
        ("cat < nope < a", "shell: nope: no such file or directory (ENOENT)"),
        ("cat /nope > err || echo failed", "cat: /nope: no such file or directory (ENOENT)\nfailed"),
        ("wc -c < err", "0"),
        ("echo '>' \"|\" \\;", "> | ;"),
        ("echo x > a/b", "shell: a/b: not a directory (ENOTDIR)"),
        ("echo x > /tmp", "shell: /tmp: is a directory (EISDIR)"),
        ("echo x > /proc/version || echo failed", "shell: /proc/version: permission denied (EACCES)\nfailed"),
        ("echo x > /dev/broken || echo failed", "shell: /dev/broken: input/output error (EIO)\nfailed"),
        ("cat /proc/rows > /dev/stuck", "shell: /dev/stuck: input/output error (EIO)"),
    ]);
}

#[test]
fn control_file_gets_its_command_and_its_error_is_reported() {
    expect(&[
        ("echo on > /proc/switch && echo fine", "fine"),
        ("echo odd > /proc/switch || echo failed", "shell: /proc/switch: invalid argument (EINVAL)\nfailed"),
        // A last line without an end is carried out when the file is closed.
        (
            "echo -n odd > /proc/switch || echo failed",
            "shell: /proc/switch: invalid argument (EINVAL)\nfailed",
        ),
        ("echo -n on > /proc/switch && echo fine", "fine"),
    ]);
}

#[test]
fn file_that_is_written_is_not_read() {
    expect(&[
        ("(echo a; echo b) > f; ln -s f l; touch e; mkdir d", ""),
        ("cat f >> f || echo failed", "cat: f: input file is output file\nfailed"),
        ("cat < f >> f", "cat: -: input file is output file"),
        (
            "cat l >> f; cat d/../f >> f",
            "cat: l: input file is output file\ncat: d/../f: input file is output file",
        ),
        ("(echo x; cat f) >> f; wc -l f", "cat: f: input file is output file\n3 f"),
        ("grep . f >> f; head -n 9 f >> f; tail f >> f; hexdump f >> f; wc -l f", REFUSED),
        ("tee -a f < f; wc -l f", "tee: f: input file is output file\na\nb\nx\n3 f"),
        (
            "tee -a g l < f > /dev/null; cmp; wc -l g",
            "tee: l: input file is output file\ncmp: command not found; did you mean cp?\n3 g",
        ),
        // These read all before they write.
        ("wc -l f >> f; sort f >> f; wc -l f", "8 f"),
        // Here there is nothing to read any more.
        ("cat e >> e; cat g > g; wc -c g e", "0 g\n0 e\n0 total"),
        ("cat f | tee -a f | wc -l; wc -l f", "8\n16 f"),
        ("cat f > h; cat f >> h; wc -l h", "32 h"),
    ]);
}

const REFUSED: &str = "grep: f: input file is output file\nhead: f: input file is output file\n\
                       tail: f: input file is output file\nhexdump: f: input file is output file\n3 f";

#[test]
fn device_that_takes_lines_gets_whole_ones() {
    let mut terminal = Terminal::new();
    let umlauts = format!("echo {}; ", "\u{e4}".repeat(11)).repeat(20);
    terminal.run("cp /proc/rows r");
    assert_eq!(terminal.run(&format!("({umlauts}) > u; wc -c u")), "460 u");
    for line in [
        "cat r > /dev/lines",
        "cat u u u u u u u u u u > /dev/lines",
        "(cat u; cat u; cat u) >> /dev/lines",
        "cp r /dev/lines",
        "tee /dev/lines < u > /dev/null",
        "cat r u | tee -a /dev/lines > /dev/null",
        "grep -v 7 r > /dev/lines",
        "sort r > /dev/lines",
    ] {
        assert_eq!(terminal.run(&format!("{line} && echo fine")), "fine", "{line}");
    }
    assert_eq!(terminal.run("echo -n x > /dev/lines"), "shell: /dev/lines: invalid argument (EINVAL)");
    assert_eq!((terminal.host.lent(), terminal.host.open_files()), (0, 0));
}

#[test]
fn pipes_groups_and_conditions_do_what_posix_says() {
    expect(&[
        ("echo b a | cat | cat", "b a"),
        ("(echo one; echo two) | tail -n 1", "two"),
        ("(cd /tmp; pwd; echo x | cat) > g; pwd; cat g", "/\n/tmp\nx"),
        ("echo a && echo b || echo c", "a\nb"),
        ("rm /nope || echo a && echo b", "rm: /nope: no such file or directory (ENOENT)\na\nb"),
        ("cat /nope | wc -c && echo fine", "cat: /nope: no such file or directory (ENOENT)\n0\nfine"),
        ("echo a; echo b;", "a\nb"),
        ("(((( echo deep ))))", "deep"),
        ("((((mkdir -p k/l; cp -r k /tmp/m; mv /tmp/m k; rm -r k; echo deep))))", "deep"),
        ("(cat; cat) < /proc/version", "Tally version 0.1.0"),
        ("echo in | (cat; echo out) | cat", "in\nout"),
        ("echo outer | (echo inner | cat; cat)", "inner\nouter"),
        ("(exit) > e; cat e", "type poweroff or reboot to leave"),
        ("", ""),
        ("   # nothing", ""),
    ]);
}

#[test]
fn line_that_cannot_be_run_is_refused_whole() {
    expect(&[
        ("echo a; echo b |", "shell: no command after '|'"),
        ("echo a > made; (echo b", "shell: '(' is not closed"),
        ("cat made", "cat: made: no such file or directory (ENOENT)"),
        ("echo a &", "shell: '&' is not supported; quote it to use it literally"),
        ("echo a 2> made", "shell: '2>' is not supported; put a space after the number to use it as a word"),
        ("echo a >", "shell: no file name after '>'"),
        ("echo a; | cat", "shell: no command before '|'"),
        ("cat << end", "shell: '<<' is not supported; quote it to use it literally"),
        ("echo a )", "shell: ')' without '('"),
        ("((((( echo a )))))", "shell: groups nested more than 4 deep"),
        ("echo 'a", "shell: the quote ' is not closed"),
        ("frobnicate || echo failed", "frobnicate: command not found; try help\nfailed"),
        ("'' || echo failed", ": command not found; try help\nfailed"),
        ("\u{1f980}", "\u{1f980}: command not found; try help"),
    ]);
}

#[test]
fn limits_of_a_line_are_named() {
    let mut terminal = Terminal::new();
    let words = "x ".repeat(65);
    assert_eq!(terminal.run(&words), "shell: more than 64 words in a command");
    assert_eq!(terminal.run(&format!("echo {}", "x ".repeat(63).trim_end())).len(), 125);
    let shown = terminal.type_bytes(format!("{}\r", "x".repeat(5000)).as_bytes());
    assert!(
        shown.contains("\nline too long by 3977 characters (limit 1023 bytes); nothing was run\n"),
        "{shown}"
    );
    let path = format!("cat {}", "/..".repeat(300));
    assert_eq!(terminal.run(&path), format!("cat: {}: is a directory (EISDIR)", "/..".repeat(300)));
    assert_eq!(terminal.run("echo alive"), "alive");
}

#[test]
fn long_lines_come_through_whole() {
    let mut terminal = Terminal::new();
    terminal.run(&format!("echo -n {} > l", "x".repeat(900)));
    // 14,400 bytes without an end of line.
    for _ in 0..4 {
        assert_eq!(terminal.run("(cat l; cat l) > m; mv m l"), "");
    }
    for (line, expected) in [
        ("echo end >> l; echo other >> l; wc -l -c < l", "      2   14410"),
        ("grep -c 'x*end$' l", "1"),
        ("grep end l | wc -c", "14404"),
        ("grep -n end l | wc -c", "14406"),
        ("tail -n 2 l | wc -c; head -n 1 l | wc -c", "14410\n14404"),
        ("sort l | head -n 1", "other"),
        ("cp l n; echo more >> n; diff l n", "2a3\n> more"),
        ("grep other n > o; diff o l | wc -c", "14410"),
    ] {
        assert_eq!(terminal.run(line), expected, "`{line}`");
    }
}

#[test]
fn many_lines_are_compared_by_what_differs() {
    let mut terminal = Terminal::new();
    terminal.run("(cat /proc/rows; cat /proc/rows; cat /proc/rows; cat /proc/rows) > /l");
    assert_eq!(terminal.run("wc -l l"), "20004 l");
    assert_eq!(terminal.run("(head -n 9000 l; echo new; tail -n 11003 l; echo last) > m"), "");
    assert_eq!(terminal.run("diff l m"), "9001c9001\n< row 3998\n---\n> new\n20004a20005\n> last");
    assert_eq!(terminal.run("sort -u l | wc -l"), "5001");
}

#[test]
fn full_file_system_is_one_line() {
    let mut terminal = Terminal::new();
    terminal.run("cp /proc/rows /big");
    terminal.host.temporary.set_limit_pages(16);
    for (line, expected) in [
        ("cat /big /big > /tmp/a", "shell: /tmp/a: no space left on device (ENOSPC)"),
        ("cp /big /tmp/a; wc -c /tmp/a", "43895 /tmp/a"),
        ("cp /big /tmp/b", "cp: /tmp/b: no space left on device (ENOSPC)"),
        ("rm /tmp/b; ls /tmp", "a"),
        ("head -n 100 /big > /small; mv /small /tmp; wc -l /tmp/small; ls / | grep small", "100 /tmp/small"),
        ("cat /big > /tmp/c; echo more", "shell: /tmp/c: no space left on device (ENOSPC)\nmore"),
    ] {
        assert_eq!(terminal.run(line), expected, "`{line}`");
    }
}

#[test]
fn pipe_that_outgrows_the_memory_ends_the_pipeline() {
    let mut terminal = Terminal::new();
    for line in [
        "cat /proc/rows | wc -c",
        "(cat /proc/rows; cat /proc/rows; echo never) | cat",
        "echo a | (cat /proc/rows | wc -c)",
    ] {
        terminal.host.pages.fail_at(3);
        let answer = terminal.run(&format!("{line} || echo failed"));
        assert!(terminal.host.pages.stop_failing(), "{line}");
        assert_eq!(answer, "shell: pipe: out of memory (ENOMEM)\nfailed", "{line}");
        assert_eq!(terminal.host.lent(), 0);
    }
    assert_eq!(terminal.run("echo a | cat"), "a");
}

#[test]
fn control_c_ends_the_whole_line() {
    let mut terminal = Terminal::new();
    for line in [
        "(cat /dev/zero; echo second) | cat; echo third",
        "wc /dev/zero && echo second; echo third",
        "grep -c x /dev/zero; echo second",
        "tail /dev/zero; echo second",
        "hexdump /dev/zero | wc",
        "cat /dev/zero > a || echo second",
    ] {
        terminal.host.interrupt_after(20);
        assert_eq!(terminal.run(line), "", "{line}");
        assert!(terminal.host.stop_interrupting(), "{line}");
        assert_eq!((terminal.run("echo alive").as_str(), terminal.host.lent()), ("alive", 0));
    }
}

#[test]
fn typed_line_is_echoed_between_two_prompts() {
    const PROMPT: &str = "\x1b[1mtally:/#\x1b[0m ";
    let mut terminal = Terminal::new();
    assert_eq!(terminal.type_bytes(b"echo a\r"), format!("echo a\na\n{PROMPT}"));
    assert_eq!(terminal.type_bytes(b"cd tmp\n"), "cd tmp\n\x1b[1mtally:/tmp#\x1b[0m ");
    assert_eq!(terminal.type_bytes(b"cd\r\n"), format!("cd\n{PROMPT}"));
    assert_eq!(terminal.type_bytes(b"frobnicate\x03"), format!("frobnicate^C\n{PROMPT}"));
    assert_eq!(terminal.type_bytes(b"ab\x0c"), format!("ab\x1b[2J\x1b[H{PROMPT}ab"));
    terminal.type_bytes(b"\x15");
    for (bytes, expected) in [
        (&b"echo ax\x08b\r"[..], "\nab\n"),
        (b"echo ax\x7fb\r", "\nab\n"),
        (b"frobnicate\x15echo new\r", "\nnew\n"),
        (b"xx\x08\x08\x08\x08echo empty\r", "\nempty\n"),
        (b"\x1b[A\r", "\nempty\n"),
        (b"cho end\x1b[He\r", "\nend\n"),
    ] {
        let shown = terminal.type_bytes(bytes);
        assert!(shown.ends_with(&format!("{expected}{PROMPT}")), "{shown:?}");
    }
}

#[test]
fn function_of_a_subcommand_is_run_by_the_host_as_well() {
    static INNER: [Command; 1] = [Command {
        name: "inner",
        usage: "outer inner",
        summary: "say that it ran",
        syntax: Syntax::NOTHING,
        run: |session, _| session.print(format_args!("ran\n")),
    }];
    static OUTER: [Command; 1] = [Command {
        name: "outer",
        usage: "outer SUBCOMMAND",
        summary: "run a subcommand",
        syntax: Syntax::SUBCOMMAND,
        run: |session, options| session.run_subcommand(&OUTER[0], &[&INNER], &options.operands),
    }];
    static TABLES: [&[Command]; 1] = [&OUTER];
    let mut terminal = Terminal::with_commands(&TABLES);
    assert_eq!(terminal.run("outer inner"), "ran");
    // A call stack ends at the last function that the host called.
    assert_eq!(terminal.host.ran_commands.load(Ordering::Relaxed), 2);
}

#[test]
fn lost_bytes_do_not_stop_the_shell() {
    let mut terminal = Terminal::new();
    terminal.host.dropped_bytes.store(7, Ordering::Relaxed);
    assert_eq!(terminal.run("echo a"), "a");
}

#[test]
fn any_bytes_leave_a_shell_that_runs_the_next_line() {
    let mut terminal = Terminal::new();
    for seed in 1..200 {
        terminal.type_bytes(&random_bytes(seed));
        terminal.type_bytes(b"\x03\x15\r");
        assert_eq!(terminal.run("cd /; echo alive"), "alive", "seed {seed}");
    }
    assert_eq!(terminal.host.lent(), 0);
}

/// 256 bytes, the same for the same seed (xorshift64, Marsaglia 2003).
fn random_bytes(seed: u64) -> [u8; 256] {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [(); 256].map(|()| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}
