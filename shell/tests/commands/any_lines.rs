//! Random lines of the right sort of words: whatever they do to each other's files, nothing is left open or lent.

use proptest::prelude::*;

use crate::host::Terminal;

/// Names that meet often: files, directories, links, nodes of each kind.
fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "c",
        "d",
        "d/e",
        "d/a",
        "../a",
        "./b",
        "/",
        "/tmp",
        "/tmp/a",
        "/tmp/d",
        "/tmp/d/e",
        "/ro",
        "/ro/x",
        "..",
        ".",
        "-",
        "a/",
        "d/",
        "/proc/version",
        "/proc/rows",
        "/proc/switch",
        "/proc/self",
        "/proc",
        "/dev/null",
        "/dev/broken",
        "/dev/stuck",
        "''",
        "nope",
    ])
}

fn command() -> impl Strategy<Value = String> {
    let names: Vec<&str> = shell::COMMANDS.iter().map(|command| command.name).collect();
    let option = prop::sample::select(vec![
        "", "-r", "-n", "-a", "-l", "-p", "-f", "-s", "-c", "-2", "-n 3", "-k 2", "-rf", "--", "on",
    ]);
    (prop::sample::select(names), option, prop::collection::vec(path(), 0..4))
        .prop_map(|(name, option, paths)| format!("{name} {option} {}", paths.join(" ")))
}

/// A command or a group of one, with a redirection or without.
fn stage() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec!["", "<", ">", ">>"]);
    (command(), operator, path(), any::<bool>()).prop_map(|(command, operator, path, is_group)| {
        let stage = if operator.is_empty() { command } else { format!("{command} {operator} {path}") };
        if is_group { format!("({stage})") } else { stage }
    })
}

fn line() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec!["|", ";", "&&", "||"]);
    (stage(), prop::collection::vec((operator, stage()), 0..3)).prop_map(|(first, rest)| {
        rest.into_iter().fold(first, |line, (operator, stage)| format!("{line} {operator} {stage}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_lines_leave_nothing_open(lines in prop::collection::vec(line(), 1..20)) {
        let mut terminal = Terminal::new();
        for text in ["mkdir -p d/e", "echo text > a", "cp /proc/rows b", "ln -s d c"] {
            terminal.run(text);
        }
        for text in &lines {
            // A file that is read into itself grows until there is no space, which takes long.
            terminal.host.interrupt_after(2000);
            terminal.run(text);
            terminal.host.stop_interrupting();
            prop_assert_eq!(terminal.host.lent(), 0, "`{}` keeps memory", text);
        }
        prop_assert_eq!(terminal.run("cd /; echo alive"), "alive");
        prop_assert_eq!(terminal.host.open_files(), 0);
    }
}
