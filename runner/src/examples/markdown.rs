//! The example blocks of a document, and the kind of each.
//!
//! A block is indented by four blanks, or fenced. A block that begins with the shell's prompt is typed at a machine;
//! one of `make` and `scripts` is for the host; for any other a comment before it must say what it is, so that none
//! escapes.

use crate::text;

/// The prompt that examples show.
pub(super) const PROMPT: &str = "tally:/# ";

/// Words that begin a line for the host.
const HOST: [&str; 4] = ["make", "cargo", "printf", "scripts/"];

/// An indented or fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The number of its first line, from 1.
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What is typed at a machine's shell.
    Session {
        /// The options of a new machine; without them, the machine of the previous session is used.
        machine: Option<&'static str>,
        commands: Vec<Command>,
    },
    /// Lines for the shell of the host, with their numbers.
    Host(Vec<(usize, &'static str)>),
    /// Something that is not typed.
    Other,
}

/// A line typed at the machine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// The number of its line, from 1.
    pub(super) line: usize,
    pub(super) text: &'static str,
    /// What it prints.
    pub(super) sample: Vec<&'static str>,
}

/// What is wrong with a document, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) what: String,
}

/// What a comment says of the block behind it.
#[derive(Clone, Copy)]
enum Comment {
    Machine(&'static str),
    NotTyped,
}

/// All blocks of a text.
pub(super) fn blocks(text: &'static str) -> Result<Vec<Block>, Fault> {
    let mut lines = text.lines().zip(1..).peekable();
    let mut blocks = Vec::new();
    let mut comment: Option<Comment> = None;
    // An indented line begins a block behind an empty one, a heading or a comment; behind text it belongs to that.
    let mut can_begin = true;
    let mut is_in_list = false;
    while let Some((line, number)) = lines.next() {
        let fault = |what: &str| Err(Fault { line: number, what: what.into() });
        if line.trim().is_empty() {
            can_begin = true;
        } else if line.starts_with("<!--") {
            if comment.replace(read_comment(line, number)?).is_some() {
                return fault("two comments before one block");
            }
            can_begin = true;
        } else if let Some(language) = line.trim_start().strip_prefix("```") {
            let mut shown = Vec::new();
            loop {
                match lines.next() {
                    None => return fault("the fence is not closed"),
                    Some((end, _)) if end.trim_start().starts_with("```") => break,
                    Some(pair) => shown.push(pair),
                }
            }
            // rustdoc compiles it.
            let kind =
                if language == "rust" { Kind::Other } else { classify(&shown, number, comment.take())? };
            blocks.push(Block { line: number + 1, kind });
        } else if can_begin && line.starts_with(['\t']) {
            return fault("a block is indented by four blanks");
        } else if can_begin && line.starts_with("    ") {
            if is_in_list {
                return fault("indented text in a list is neither text nor an example");
            }
            let mut shown = vec![(unindented(line), number)];
            while let Some((line, number)) =
                lines.next_if(|(line, _)| line.starts_with("    ") || line.trim().is_empty())
            {
                shown.push((unindented(line), number));
            }
            while shown.last().is_some_and(|(line, _)| line.trim().is_empty()) {
                shown.pop();
            }
            blocks.push(Block { line: number, kind: classify(&shown, number, comment.take())? });
        } else {
            if comment.is_some() {
                return fault("a comment for examples without a block behind it");
            }
            can_begin = line.starts_with('#');
            if !line.starts_with(' ') {
                let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
                is_in_list = line.starts_with("- ") || digits.len() < line.len() && digits.starts_with(". ");
            }
        }
    }
    match comment {
        Some(_) => Err(Fault {
            line: text.lines().count(),
            what: "a comment for examples without a block behind it".into(),
        }),
        None => Ok(blocks),
    }
}

fn unindented(line: &str) -> &str {
    line.strip_prefix("    ").unwrap_or_default()
}

fn read_comment(line: &'static str, number: usize) -> Result<Comment, Fault> {
    let inner = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
    match inner.and_then(|inner| inner.split_once(": ")) {
        Some(("machine", "default")) => Ok(Comment::Machine("")),
        Some(("machine", words)) => Ok(Comment::Machine(words)),
        Some(("not typed", _)) => Ok(Comment::NotTyped),
        _ => Err(Fault {
            line: number,
            what: "unknown comment; expected `<!-- machine: WORDS -->` or `<!-- not typed: WHAT IT IS -->`"
                .into(),
        }),
    }
}

fn classify(shown: &[(&'static str, usize)], line: usize, comment: Option<Comment>) -> Result<Kind, Fault> {
    let fault = |line, what: &str| Err(Fault { line, what: what.into() });
    let is_session = shown.first().is_some_and(|(first, _)| first.starts_with(PROMPT));
    let machine = match comment {
        Some(Comment::NotTyped) if is_session => return fault(line, "a session is typed"),
        Some(Comment::NotTyped) => return Ok(Kind::Other),
        Some(Comment::Machine(_)) if !is_session => return fault(line, "a machine for what is no session"),
        Some(Comment::Machine(words)) => Some(words),
        None => None,
    };
    if is_session {
        let mut commands: Vec<Command> = Vec::new();
        for (text, line) in shown.iter().copied() {
            if let Some(typed) = text.strip_prefix(PROMPT) {
                commands.push(Command { line, text: typed, sample: Vec::new() });
            } else if text
                .find("# ")
                .is_some_and(|end| text::prompt_folder(text.get(..end + 2).unwrap_or_default()).is_some())
            {
                return fault(line, "examples are typed in `/`");
            } else if let Some(command) = commands.last_mut() {
                command.sample.push(text);
            }
        }
        return Ok(Kind::Session { machine, commands });
    }
    let is_host = |text: &str| {
        let word = text.split(' ').next().unwrap_or_default();
        HOST.iter().any(|begin| if begin.ends_with('/') { word.starts_with(begin) } else { word == *begin })
    };
    if !shown.is_empty() && shown.iter().all(|(text, _)| is_host(text)) {
        return Ok(Kind::Host(shown.iter().map(|(text, line)| (*line, *text)).collect()));
    }
    fault(
        line,
        "neither a session, nor commands of this computer, nor named by a comment `<!-- not typed: WHAT IT IS -->`",
    )
}

#[cfg(test)]
mod tests {
    use super::{Block, Command, Fault, Kind, blocks};

    fn session(
        line: usize,
        machine: Option<&'static str>,
        commands: &[(usize, &'static str, &[&'static str])],
    ) -> Block {
        let commands = commands.iter().map(|(line, text, sample)| Command {
            line: *line,
            text,
            sample: sample.to_vec(),
        });
        Block { line, kind: Kind::Session { machine, commands: commands.collect() } }
    }

    #[test]
    fn sessions_have_commands_and_samples() {
        let text =
            "Text:\n\n    tally:/# pwd\n    /\n    tally:/# echo a; echo; echo b\n    a\n\n    b\n\nmore\n";
        let commands: [(usize, &str, &[&str]); 2] =
            [(3, "pwd", &["/"]), (5, "echo a; echo; echo b", &["a", "", "b"])];
        assert_eq!(blocks(text), Ok(vec![session(3, None, &commands)]));
    }

    #[test]
    fn comments_name_the_machine_or_what_is_not_typed() {
        let text = "<!-- machine: memstat=full -->\n    tally:/# pwd\n\n<!-- machine: default -->\n\n    tally:/# pwd\n\n\
                    <!-- not typed: a diagram -->\n    A -> B\n";
        let pwd = |line| [(line, "pwd", [].as_slice())];
        let expected = vec![
            session(2, Some("memstat=full"), &pwd(2)),
            session(6, Some(""), &pwd(6)),
            Block { line: 9, kind: Kind::Other },
        ];
        assert_eq!(blocks(text), Ok(expected));
    }

    #[test]
    fn lines_for_this_computer_are_known_by_their_first_word() {
        let text = "# Title\n    make run\n    scripts/soak gdb\n\n```text\ncargo run\n```\n\n```rust\nlet a = 1;\n```\n";
        let found = blocks(text).unwrap();
        let kinds: Vec<Kind> = found.into_iter().map(|block| block.kind).collect();
        let expected = [
            Kind::Host(vec![(2, "make run"), (3, "scripts/soak gdb")]),
            Kind::Host(vec![(6, "cargo run")]),
            Kind::Other,
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn indented_continuation_of_text_is_no_block() {
        assert_eq!(blocks("- an item\n    that goes on\n\ntext\n    more of it\n"), Ok(vec![]));
    }

    #[test]
    fn nothing_escapes() {
        for (text, line) in [
            ("\n    leaks mark\n    leaks since\n", 2),
            ("\n    make run\n    leaks since\n", 2),
            ("```\nleaks mark\n```\n", 1),
            ("```\nmake run\n", 1),
            ("- an item\n\n    tally:/# pwd\n", 3),
            ("1. an item\n\n    tally:/# pwd\n", 3),
            ("\n\ttally:/# pwd\n", 2),
            ("<!-- machin: memstat=full -->\n    tally:/# pwd\n", 1),
            ("<!-- machine: memstat=full -->\ntext\n", 2),
            ("<!-- machine: memstat=full -->\n\n", 2),
            ("<!-- machine: memstat=full -->\n<!-- machine: memstat=full -->\n    tally:/# pwd\n", 2),
            ("<!-- machine: memstat=full -->\n    make run\n", 2),
            ("<!-- not typed: a session -->\n    tally:/# pwd\n", 2),
            ("\n    tally:/# cd /proc\n    tally:/proc# ls\n", 3),
        ] {
            let found = blocks(text);
            assert!(matches!(&found, Err(Fault { line: at, .. }) if *at == line), "{text}: {found:?}");
        }
    }
}
