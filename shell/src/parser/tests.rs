//! Lines as people type them, and lines that nobody would.

use std::fmt::Write;

use proptest::prelude::*;

use super::{Line, MAX_DEPTH, Operator, ParseError};
use crate::tree::{Condition, List};

/// The tree in a form that is easily compared: words in brackets, groups in parentheses.
fn shown(list: List<'_>) -> String {
    let mut text = String::new();
    for (condition, pipeline) in list {
        text += match condition {
            Condition::Always if text.is_empty() => "",
            Condition::Always => "; ",
            Condition::Succeeded => " && ",
            Condition::Failed => " || ",
        };
        for (number, stage) in pipeline.enumerate() {
            text += if number == 0 { "" } else { " | " };
            match stage.group() {
                Some(inside) => write!(text, "({})", shown(inside)).unwrap(),
                None => write!(text, "{:?}", stage.words().as_slice()).unwrap(),
            }
            for redirection in stage.redirections() {
                write!(text, " {} {}", redirection.operator.text(), redirection.path).unwrap();
            }
        }
    }
    text
}

fn parse(line: &str) -> Result<String, ParseError> {
    let mut parsed = Line::new();
    parsed.parse(line)?;
    Ok(shown(parsed.list()))
}

#[test]
fn words_quotes_and_sequences() {
    let expect = |line: &str, tree: &str| assert_eq!(parse(line).as_deref(), Ok(tree), "{line}");
    expect("", "");
    expect("  ls   -l\t/proc ", r#"["ls", "-l", "/proc"]"#);
    expect("cat a; cat b;", r#"["cat", "a"]; ["cat", "b"]"#);
    expect(r#"echo 'a  b' "c \" d" e\ f ''"#, r#"["echo", "a  b", "c \" d", "e f", ""]"#);
    expect("echo a#b # c; d |", r#"["echo", "a#b"]"#);
    expect("echo '|>;&('", r#"["echo", "|>;&("]"#);
    expect("echo 12 3 >f", r#"["echo", "12", "3"] > f"#);
}

#[test]
fn quoted_and_lone_characters_of_expansions_are_plain() {
    let expect = |line: &str, tree: &str| assert_eq!(parse(line).as_deref(), Ok(tree), "{line}");
    expect(
        r#"echo "a\$c" '$c' \$c \* '*' "*" "\`" '`' \`"#,
        r#"["echo", "a$c", "$c", "$c", "*", "*", "*", "`", "`", "`"]"#,
    );
    expect(r#"echo $ a$ "x$" $/ "a\nb""#, r#"["echo", "$", "a$", "x$", "$/", "a\\nb"]"#);
    expect("grep x$ a?b [c]", r#"["grep", "x$", "a?b", "[c]"]"#);
}

#[test]
fn redirections_pipelines_and_groups() {
    let expect = |line: &str, tree: &str| assert_eq!(parse(line).as_deref(), Ok(tree), "{line}");
    expect("cat a>b", r#"["cat", "a"] > b"#);
    expect("<a cat -n >>'b c'", r#"["cat", "-n"] < a >> b c"#);
    expect("> a", "[] > a");
    expect("a|b x|c", r#"["a"] | ["b", "x"] | ["c"]"#);
    expect("a && b || c; d", r#"["a"] && ["b"] || ["c"]; ["d"]"#);
    expect("(a; b|c) > f; d", r#"(["a"]; ["b"] | ["c"]) > f; ["d"]"#);
    expect("((a); (b;) < x) | wc >y", r#"((["a"]); (["b"]) < x) | ["wc"] > y"#);
}

#[test]
fn what_cannot_be_run_is_named() {
    let expect = |line: &str, error| assert_eq!(parse(line), Err(error), "{line}");
    expect("echo 'a", ParseError::OpenQuote('\''));
    expect("echo \"a\\", ParseError::OpenQuote('"'));
    expect(&"x ".repeat(65), ParseError::TooManyWords);
    expect(&"x".repeat(1024), ParseError::TooLong);
    expect("a &", ParseError::Unsupported("&"));
    expect("a << b", ParseError::Unsupported("<<"));
    expect("a >& b", ParseError::Unsupported(">&"));
    let quoted = |text: &str| super::Quoted::from(text).unwrap();
    for (line, text) in [("a 2>b", "2>"), ("a 2>&1", "2>"), ("0<a", "0<"), ("a 12>>b", "12>")] {
        expect(line, ParseError::Descriptor(quoted(text)));
    }
    for (line, text) in [
        ("echo $HOME", "$HOME"),
        ("echo a\"$b_1\"", "$b_1"),
        ("echo ${x}", "${"),
        ("echo $(a)", "$("),
        ("$?", "$?"),
        ("cd $OLDPWD/x", "$OLDPWD"),
    ] {
        expect(line, ParseError::Variable(quoted(text)));
    }
    expect(&format!("${}", "x".repeat(99)), ParseError::Variable(quoted(&format!("${}", "x".repeat(31)))));
    for line in ["ls /proc/*", "*", "a*b", "echo \"a\"*"] {
        expect(line, ParseError::Pattern);
    }
    expect("`a`", ParseError::Unsupported("`"));
    expect("\"`a`\"", ParseError::Unsupported("`"));
    expect("a;;b", ParseError::Unsupported(";;"));
    expect("; a", ParseError::NothingBefore(Operator::Semicolon));
    expect("a ; ; b", ParseError::NothingBefore(Operator::Semicolon));
    expect("| a", ParseError::NothingBefore(Operator::Pipe));
    expect("a |", ParseError::NothingBehind(Operator::Pipe));
    expect("a | | b", ParseError::NothingBehind(Operator::Pipe));
    expect("a && ; b", ParseError::NothingBehind(Operator::And));
    expect("a >", ParseError::NoFile(Operator::Write));
    expect("a > | b", ParseError::NoFile(Operator::Write));
    expect("a < > b", ParseError::NoFile(Operator::Read));
    expect("()", ParseError::NothingBehind(Operator::Open));
    expect("(a", ParseError::OpenGroup);
    expect("(a |)", ParseError::NothingBehind(Operator::Pipe));
    expect("a)", ParseError::NoGroup);
    expect(")", ParseError::NoGroup);
    expect("a; )", ParseError::NoGroup);
    expect("a (b)", ParseError::MisplacedGroup);
    expect("(a) b", ParseError::WordBehindGroup);
    let deep = "(".repeat(MAX_DEPTH + 1) + "a" + &")".repeat(MAX_DEPTH + 1);
    expect(&deep, ParseError::TooDeep);
}

#[test]
fn errors_are_one_line_that_names_the_thing() {
    for (line, words) in [
        ("a &", "'&' is not supported"),
        ("a |", "no command after '|'"),
        ("a >>", "no file name after '>>'"),
        ("(a", "'(' is not closed"),
        ("a 2>b", "'2>' is not supported"),
        ("a $HOME", "'$HOME' is not supported: there are no variables"),
        ("ls *", "'*' is not supported: there are no file name patterns"),
    ] {
        let message = parse(line).unwrap_err().to_string();
        assert!(message.contains(words) && !message.contains('\n'), "{line}: {message}");
    }
}

#[test]
fn line_that_was_refused_leaves_nothing_behind() {
    let mut line = Line::new();
    line.parse("a; b").unwrap();
    assert!(line.parse("c; d |").is_err());
    assert_eq!(shown(line.list()), "");
}

/// Lines of the characters that mean something.
fn line_of_operators() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "a", "b c", " ", ";", "|", "&", "&&", "||", "<", ">", ">>", "(", ")", "'", "\"", "\\", "#", "2",
            "$", "*", "`",
        ]),
        0..40,
    )
    .prop_map(|parts| parts.concat())
}

/// What a tree shows, parsed again, is the same tree.
fn is_same_when_parsed_again(line: &str) -> Result<(), TestCaseError> {
    let mut parsed = Line::new();
    if parsed.parse(line).is_ok() {
        let written = written(parsed.list());
        // Quoting may make it longer than a line can be.
        if written.len() <= crate::MAX_LINE_BYTES {
            prop_assert_eq!(parse(&written), Ok(shown(parsed.list())), "{} as {}", line, written);
        }
    }
    Ok(())
}

/// The tree as a line that means the same.
fn written(list: List<'_>) -> String {
    let quoted = |word: &str| format!("'{}'", word.replace('\'', "'\\''"));
    let mut text = String::new();
    for (condition, pipeline) in list {
        text += match condition {
            Condition::Always if text.is_empty() => "",
            Condition::Always => ";",
            Condition::Succeeded => "&&",
            Condition::Failed => "||",
        };
        for (number, stage) in pipeline.enumerate() {
            text += if number == 0 { "" } else { "|" };
            match stage.group() {
                Some(inside) => write!(text, "({})", written(inside)).unwrap(),
                None => text += &stage.words().iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
            }
            for redirection in stage.redirections() {
                write!(text, " {}{}", redirection.operator.text(), quoted(redirection.path)).unwrap();
            }
        }
    }
    text
}

proptest! {
    #[test]
    fn quoted_words_come_out_as_they_went_in(words in prop::collection::vec("[^'\0]{0,12}", 1..20)) {
        let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let mut parsed = Line::new();
        if line.len() <= crate::MAX_LINE_BYTES {
            parsed.parse(&line).unwrap();
            let (_, mut pipeline) = parsed.list().next().unwrap();
            let found = pipeline.next().unwrap().words();
            prop_assert_eq!(found.as_slice(), words.as_slice());
        }
    }

    #[test]
    fn any_line_gets_an_answer(line in any::<String>()) {
        is_same_when_parsed_again(&line)?;
    }

    #[test]
    fn any_operators_get_an_answer(line in line_of_operators()) {
        is_same_when_parsed_again(&line)?;
    }
}
