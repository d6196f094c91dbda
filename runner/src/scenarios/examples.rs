//! The examples of README and docs: each is typed, and prints what the document shows.

use crate::examples::{FAULTS, FILES, LEAKS, LESSON, LESSON_RU, PROC, README, SHELL, TESTING, judge_tables};
use crate::machine::DEFAULT;
use crate::scenario::{Judge, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    row("examples-faults", "the examples of docs/faults.md print what it shows", Judge::Examples(&FAULTS)),
    row("examples-proc", "the examples of docs/proc.md print what it shows", Judge::Examples(&PROC)),
    row("examples-leaks", "the examples of docs/leaks.md print what it shows", Judge::Examples(&LEAKS)),
    row("examples-shell", "the examples of docs/shell.md print what it shows", Judge::Examples(&SHELL)),
    row("examples-lesson", "the steps of docs/lesson.md print what it shows", Judge::Examples(&LESSON)),
    row(
        "examples-lesson-ru",
        "the steps of docs/lesson.ru.md print what it shows",
        Judge::Examples(&LESSON_RU),
    ),
    row("examples-readme", "the examples of README.md print what it shows", Judge::Examples(&README)),
    row("examples-files", "the examples of docs/files.md print what it shows", Judge::Examples(&FILES)),
    row("examples-testing", "the example of docs/testing.md prints what it shows", Judge::Examples(&TESTING)),
    row(
        "examples-tables",
        "docs/shell.md names each command, docs/proc.md each file",
        Judge::Drive(DEFAULT, judge_tables),
    ),
];

const fn row(name: &'static str, about: &'static str, judge: Judge) -> Scenario {
    Scenario { name, about, judge }
}
