//! Commands as a table of data.

/// A command over a session of type `S`.
#[derive(Debug)]
pub struct Command<S: ?Sized> {
    /// The name that is typed.
    pub name: &'static str,
    /// How it is used, as in `cat FILE...`.
    pub usage: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Runs it with the words behind its name.
    pub run: fn(&mut S, &[&str]),
}

/// The command of a name.
pub fn find<'t, S: ?Sized>(table: &'t [Command<S>], name: &str) -> Option<&'t Command<S>> {
    table.iter().find(|command| command.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_is_found_by_its_whole_name_only() {
        let table = [Command::<u32> {
            name: "add",
            usage: "add",
            summary: "",
            run: |sum, words| *sum += words.len() as u32,
        }];
        let mut sum = 0;
        (find(&table, "add").unwrap().run)(&mut sum, &["a", "b"]);
        assert_eq!(sum, 2);
        assert!(find(&table, "ad").is_none() && find(&table, "").is_none());
    }
}
