//! `help`.

use crate::host::Terminal;
use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[case(
    "a command is explained in a line, one of the kernel's as well",
    &[
        ("help head", "head [-n LINES] [FILE...]: write the first lines, 10 or LINES"),
        ("help pwd quiet", "pwd [-LP]: show the current directory, with links resolved\nquiet WORD...: run a command without its output, and say whether it failed"),
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
