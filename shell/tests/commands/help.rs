//! `help`.

use crate::host::Terminal;
use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[case(
    "a command is explained in a line, one of the kernel's as well",
    &[
        ("help head", "head [-n LINES] [FILE...]: write the first lines, 10 or LINES"),
        ("help pwd quiet", "pwd [-LP]: show the current directory, with links resolved\nquiet WORD...: run a command without its output, and say whether it failed"),
        ("help kyes || echo failed", "help: kyes: no such command; did you mean keys?\nfailed"),
        ("help nope || echo failed", "help: nope: no such command; try help\nfailed"),
        ("help | tail -n 1", "This machine is a test."),
    ],
)];

#[test]
fn every_command_stands_once_in_columns_on_one_screen() {
    let help = Terminal::new().run("help");
    assert!(help.lines().count() < 24 && help.lines().all(|line| line.len() <= 80), "{help}");
    let (list, _) = help.split_once("\n\n").unwrap();
    let mut words: Vec<&str> = list.split_whitespace().collect();
    assert_eq!(list.split_whitespace().next(), Some("cat"));
    words.sort_unstable();
    let mut names: Vec<&str> = shell::COMMANDS.iter().map(|command| command.name).chain(["quiet"]).collect();
    names.sort_unstable();
    assert_eq!(words, names);
    // Down the columns they are in order.
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap();
    let down: Vec<&str> = (0..columns).flat_map(|column| rows.iter().filter_map(move |row| row.get(column).copied())).collect();
    assert_eq!(down, names);
}

/// What each key is called in `help keys`, and bytes that a terminal sends for it.
const KEYS: [(&str, &[u8]); 14] = [
    ("Left", b"\x1b[D"),
    ("Right", b"\x1b[C"),
    ("Home", b"\x1b[H"),
    ("Ctrl-A", b"\x01"),
    ("End", b"\x1b[F"),
    ("Ctrl-E", b"\x05"),
    ("Up", b"\x1b[A"),
    ("Down", b"\x1b[B"),
    ("Backspace", b"\x7f"),
    ("Delete", b"\x1b[3~"),
    ("Ctrl-U", b"\x15"),
    ("Ctrl-K", b"\x0b"),
    ("Ctrl-C", b"\x03"),
    ("Ctrl-L", b"\x0c"),
];

#[test]
fn keys_that_are_explained_do_something() {
    let help = Terminal::new().run("help keys");
    for (name, bytes) in KEYS {
        assert!(help.contains(name), "{name} is not in\n{help}");
        let mut editor = shell::LineEditor::new();
        let mut echo = String::new();
        // Two lines in the history, then a third one with the cursor in its middle.
        for byte in *b"one\rtwo\rthree\x1b[D\x1b[D\x1b[A\x1b[D" {
            editor.feed(byte, &mut echo).unwrap();
        }
        echo.clear();
        let before = editor.line().to_owned();
        for byte in bytes {
            editor.feed(*byte, &mut echo).unwrap();
        }
        assert!(!echo.is_empty() || editor.line() != before, "{name} does nothing");
    }
    let named = help.lines().filter_map(|line| Some(line.split_once("  ")?.0));
    let named: Vec<&str> = named.flat_map(|keys| keys.split([' ', ','])).collect();
    for name in named.iter().filter(|name| !name.is_empty() && **name != "or") {
        assert!(KEYS.iter().any(|(key, _)| key == name), "{name} is not tried");
    }
}
