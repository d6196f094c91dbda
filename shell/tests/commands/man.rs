//! `man`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[case(
    "it is help",
    &[
        ("man pwd", "pwd [-LP]: show the current directory, with links resolved"),
        ("man man", "man [COMMAND...]: help by another name"),
        ("man nope || echo failed", "help: nope: no such command; try help\nfailed"),
        ("man | tail -n 1", "This machine is a test."),
    ],
)];
