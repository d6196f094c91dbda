//! `man`: `help`, for those who type this name for it.

use crate::command::Command;
use crate::commands::help;

pub(super) const COMMAND: Command =
    Command { name: "man", usage: "man [COMMAND...]", summary: "help by another name", ..help::COMMAND };
