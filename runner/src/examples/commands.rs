//! The tables of commands in `docs/shell.md`, held against what `help` lists.

use std::collections::BTreeSet;

use crate::error::{Result, ensure};

/// The parts of the document whose tables name all commands.
const PARTS: [&str; 2] = ["Commands on files and text", "Other commands"];

/// Each command that `help` lists is named in a table, and the other way round.
pub(super) fn judge(document: &str, help: &str) -> Result<()> {
    let (columns, _) = help.split_once("\n\n").unwrap_or((help, ""));
    let listed: BTreeSet<&str> = columns.split_whitespace().collect();
    let named = named(document);
    ensure!(
        named == listed,
        "docs/shell.md names {:?}, which `help` does not, and leaves out {:?}",
        named.difference(&listed).collect::<Vec<_>>(),
        listed.difference(&named).collect::<Vec<_>>()
    );
    Ok(())
}

/// The first words of all code in the first columns.
fn named(document: &str) -> BTreeSet<&str> {
    let mut is_part = false;
    let mut named = BTreeSet::new();
    for line in document.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            is_part = PARTS.contains(&title);
        }
        let Some(cell) = line.strip_prefix("| `").filter(|_| is_part) else { continue };
        // A bar that belongs to the code has a backslash before it.
        let end =
            cell.match_indices('|').find(|(at, _)| !cell.get(..*at).is_some_and(|code| code.ends_with('\\')));
        let cell = cell.get(..end.map_or(cell.len(), |(at, _)| at)).unwrap_or_default();
        named.extend(cell.split('`').step_by(2).filter_map(|code| code.split_whitespace().next()));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::judge;

    const DOCUMENT: &str = "## Lines\n\n| `a; b` | both |\n\n## Other commands\n\n| command | what |\n| --- | --- |\n\
                            | `cat [FILE...]` | `ls` |\n| `cd [A \\| B]`, `pwd` | goes |\n";

    #[test]
    fn tables_name_all_commands_and_no_others() {
        judge(DOCUMENT, "cat cd\npwd\n\nhelp COMMAND\n").unwrap();
        let missing = judge(DOCUMENT, "cat cd pwd wc\n").unwrap_err().to_string();
        assert!(missing.contains("leaves out [\"wc\"]"), "{missing}");
        let gone = judge(DOCUMENT, "cat cd\n").unwrap_err().to_string();
        assert!(gone.contains("names [\"pwd\"]"), "{gone}");
    }
}
