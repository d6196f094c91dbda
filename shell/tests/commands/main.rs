//! Each command of the crate on a machine that is none: answers, options, errors and odd input, in milliseconds.
//!
//! A command has a file here as it has one in `src/commands`: a table of cases, each of which types its lines at a fresh
//! machine. The same cases then run with each taking of memory failing and with Ctrl-C at each moment, and nothing may be
//! left open or lent. `shell.rs` has what is no command's: redirections, pipes, groups, prompts.

mod any_lines;
mod files;
mod host;
mod journeys;
mod memory;
mod shell;
mod sweep;

use host::Terminal;

/// Lines, and what each answers.
pub(crate) struct Case {
    /// What must hold.
    about: &'static str,
    steps: &'static [(&'static str, &'static str)],
}

/// A case in a row of a table.
const fn case(about: &'static str, steps: &'static [(&'static str, &'static str)]) -> Case {
    Case { about, steps }
}

/// A module, a row of the table and a test for each command.
macro_rules! commands {
    ($($name:ident)*) => {
        $(mod $name;)*

        /// The cases of each command.
        const CASES: &[(&str, &[Case])] = &[$((stringify!($name), $name::CASES),)*];

        mod answers {
            $(#[test]
            fn $name() {
                super::run_cases(stringify!($name), super::$name::CASES);
            })*
        }

        mod survives {
            $(#[test]
            fn $name() {
                super::sweep::run(super::$name::CASES);
            })*
        }
    };
}

commands! {
    cat cd clear cp df diff echo exit free grep head help hexdump ln ls man mkdir mount mv pwd rm rmdir sort stat tail tee
    touch uptime wc
}

/// Runs the cases of a command, and says of all of them what is wrong.
fn run_cases(name: &str, cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let mut terminal = Terminal::new();
        for (line, expected) in case.steps {
            let answer = terminal.run(line);
            if answer != *expected {
                let about = case.about;
                wrong.push(format!("{name}, {about}: `{line}` answers\n{answer}\ninstead of\n{expected}\n"));
            }
        }
        assert_eq!(terminal.host.lent(), 0, "{name}, {}: memory is still lent", case.about);
        assert_eq!(terminal.host.open_files(), 0, "{name}, {}: files are still open", case.about);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_command_has_cases() {
    for command in ::shell::COMMANDS {
        let cases = CASES.iter().find(|(name, _)| *name == command.name).map(|(_, cases)| *cases);
        let lines = cases.unwrap_or_default().iter().flat_map(|case| case.steps);
        let is_run = |line: &str| line.split(['|', ';', '(', ' ']).any(|word| word == command.name);
        let count = lines.filter(|(line, _)| is_run(line)).count();
        assert!(count > 0, "{} has no case", command.name);
    }
    assert_eq!(CASES.len(), ::shell::COMMANDS.len(), "there are cases of a command that is gone");
}

#[test]
fn every_command_refuses_what_it_cannot_use() {
    for command in ::shell::COMMANDS {
        let mut terminal = Terminal::new();
        let (name, usage) = (command.name, format!("usage: {}", command.usage));
        let mut refused = vec!["-?", "-Z", "--no-such", "-", "--help-me", "'-\u{e4}'"];
        // Any word is text for `echo`, and a name for who takes names.
        match name {
            "echo" => refused.clear(),
            _ if command.usage.ends_with("...]") || command.usage.ends_with("...") || name == "cd" => {
                refused.retain(|word| *word != "-");
            }
            "sort" => refused.retain(|word| *word != "-"),
            "cp" | "mv" | "diff" | "ln" => {}
            _ => refused.extend(["a", "-- a"]),
        }
        for words in refused {
            let line = format!("{name} {words}");
            assert_eq!(terminal.run(&line), usage, "{line}");
            assert_eq!(terminal.status(), 2, "{line}");
            assert_eq!(terminal.run(&format!("{line} || echo failed")), format!("{usage}\nfailed"));
        }
    }
}

#[test]
fn every_command_explains_itself_and_does_nothing_else() {
    for command in ::shell::COMMANDS {
        let mut terminal = Terminal::new();
        let help = format!("{}: {}", command.usage, command.summary);
        let name = command.name;
        for line in [format!("{name} --help"), format!("help {name}"), format!("{name} --help > f && cat f")]
        {
            assert_eq!(terminal.run(&line), help, "{line}");
            assert_eq!(terminal.status(), 0, "{line}");
        }
        if name != "echo" {
            assert_eq!(terminal.run(&format!("{name} a b --help c")), help);
            assert_eq!(terminal.run(&format!("{name} -- --help; echo")).find(&help), None);
        }
    }
}

#[test]
fn status_says_how_a_command_ended() {
    for (line, status) in [
        ("pwd", 0),
        ("cat /nope", 1),
        ("rm /nope /nope2", 1),
        ("echo a | grep b", 1),
        ("pwd x", 2),
        ("diff /nope /nope", 2),
        ("frobnicate", 127),
        ("frobnicate; pwd", 0),
        ("cat < /nope", 1),
    ] {
        let mut terminal = Terminal::new();
        terminal.run(line);
        assert_eq!(terminal.status(), status, "{line}");
    }
}
