//! Commands as rows of a table.

use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The name that is typed.
    pub name: &'static str,
    /// How it is used, as in `cat FILE...`.
    pub usage: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The options and operands that it takes.
    pub syntax: Syntax,
    /// Runs it with what stands behind its name. Called by the session alone, which has checked that.
    pub run: fn(&mut Session, &Options<'_>),
}

/// The command of a name.
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
