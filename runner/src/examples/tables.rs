//! Compares what the documents list with what the machine lists: commands and files.

use std::collections::BTreeSet;

use crate::error::{Result, ensure};

/// The parts of the document whose tables name all commands.
const PARTS: [&str; 2] = ["Commands on files and text", "Other commands"];

/// Each command that `help` lists is named in a table of `docs/shell.md`, and the other way round.
pub(super) fn judge_commands(document: &str, help: &str) -> Result<()> {
    let (columns, _) = help.split_once("\n\n").unwrap_or((help, ""));
    judge("docs/shell.md", "help", &commands(document), &columns.split_whitespace().collect())
}

/// Each file and directory in `/proc` has a part of `docs/proc.md`, and the other way round.
pub(super) fn judge_files(document: &str, listing: &str) -> Result<()> {
    // A link shows where it leads.
    let listed = listing.lines().filter_map(|line| line.split(' ').next());
    let titles = document.lines().filter_map(|line| line.strip_prefix("## "));
    let named = titles.flat_map(|title| title.split(", ")).filter_map(|path| path.split('/').next());
    judge(
        "docs/proc.md",
        "ls /proc",
        &named.collect(),
        &listed.map(|name| name.trim_end_matches('/')).collect(),
    )
}

fn judge(document: &str, command: &str, named: &BTreeSet<&str>, listed: &BTreeSet<&str>) -> Result<()> {
    ensure!(
        named == listed,
        "{document} names {:?}, which `{command}` does not, and leaves out {:?}",
        named.difference(listed).collect::<Vec<_>>(),
        listed.difference(named).collect::<Vec<_>>()
    );
    Ok(())
}

/// The first words of all code in the first columns.
fn commands(document: &str) -> BTreeSet<&str> {
    let mut is_part = false;
    let mut named = BTreeSet::new();
    for line in document.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            is_part = PARTS.contains(&title);
        }
        let Some(cell) = line.strip_prefix("| `").filter(|_| is_part) else { continue };
        // A bar within the code has a backslash before it.
        let end =
            cell.match_indices('|').find(|(at, _)| !cell.get(..*at).is_some_and(|code| code.ends_with('\\')));
        let cell = cell.get(..end.map_or(cell.len(), |(at, _)| at)).unwrap_or_default();
        named.extend(cell.split('`').step_by(2).filter_map(|code| code.split_whitespace().next()));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::{judge_commands, judge_files};

    const DOCUMENT: &str = "## Lines\n\n| `a; b` | both |\n\n## Other commands\n\n| command | what |\n| --- | --- |\n\
                            | `cat [FILE...]` | `ls` |\n| `cd [A \\| B]`, `pwd` | goes |\n";

    #[test]
    fn tables_name_all_commands_and_no_others() {
        judge_commands(DOCUMENT, "cat cd\npwd\n\nhelp COMMAND\n").unwrap();
        let missing = judge_commands(DOCUMENT, "cat cd pwd wc\n").unwrap_err().to_string();
        assert!(missing.contains("leaves out [\"wc\"]"), "{missing}");
        let gone = judge_commands(DOCUMENT, "cat cd\n").unwrap_err().to_string();
        assert!(gone.contains("names [\"pwd\"]"), "{gone}");
    }
    #[test]
    fn parts_name_all_files_and_no_others() {
        const FILES: &str = "# Files\n\n## 1, self\n\n## sys/kernel\n\n## uptime\n";
        judge_files(FILES, "1/\nself\nsys/\nuptime\n").unwrap();
        let missing = judge_files(FILES, "1/\nself -> 1\nstat\nsys/\nuptime\n").unwrap_err().to_string();
        assert!(missing.contains("leaves out [\"stat\"]"), "{missing}");
        let gone = judge_files(FILES, "1/\nself\nsys/\n").unwrap_err().to_string();
        assert!(gone.contains("names [\"uptime\"]"), "{gone}");
    }
}
