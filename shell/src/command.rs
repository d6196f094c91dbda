//! Commands as rows of a table.

use crate::session::Session;

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The name that is typed.
    pub name: &'static str,
    /// How it is used, as in `cat FILE...`.
    pub usage: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Runs it with the words behind its name.
    pub run: fn(&mut Session, &[&str]),
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
        let table = [Command { name: "add", usage: "add", summary: "", run: |_, _| {} }];
        assert_eq!(find(&table, "add").unwrap().name, "add");
        assert!(
            find(&table, "ad").is_none() && find(&table, "adder").is_none() && find(&table, "").is_none()
        );
    }
}
