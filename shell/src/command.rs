//! A command: its name, its help, its syntax and its function. Tables of commands are given to a session.

use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The name to type.
    pub name: &'static str,
    /// How it is used, as in `cat FILE...`.
    pub usage: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The options and operands that it takes.
    pub syntax: Syntax,
    /// Runs the command with its arguments, which the session has checked against `syntax`.
    pub run: fn(&mut Session, &Options<'_>),
}

/// The command of this name in a table.
pub fn find<'t>(table: &'t [Command], name: &str) -> Option<&'t Command> {
    table.iter().find(|command| command.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_is_found_by_its_whole_name_only() {
        let table =
            [Command { name: "add", usage: "add", summary: "", syntax: Syntax::NOTHING, run: |_, _| {} }];
        assert_eq!(find(&table, "add").unwrap().name, "add");
        assert!(
            find(&table, "ad").is_none() && find(&table, "adder").is_none() && find(&table, "").is_none()
        );
    }
}
