//! The commands that need only text and files: one short source file each, in one table.

mod cat;
mod cd;
mod clear;
mod cp;
mod df;
mod diff;
mod echo;
mod exit;
mod free;
mod grep;
mod head;
mod help;
mod hexdump;
mod ln;
mod ls;
mod man;
mod mkdir;
mod mount;
mod mv;
mod pwd;
mod rm;
mod rmdir;
mod sort;
mod stat;
mod tail;
mod tee;
mod touch;
mod uptime;
mod wc;

use crate::command::Command;

/// These commands, sorted by name.
pub const COMMANDS: &[Command] = &[
    cat::COMMAND,
    cd::COMMAND,
    clear::COMMAND,
    cp::COMMAND,
    df::COMMAND,
    diff::COMMAND,
    echo::COMMAND,
    exit::COMMAND,
    free::COMMAND,
    grep::COMMAND,
    head::COMMAND,
    help::COMMAND,
    hexdump::COMMAND,
    ln::COMMAND,
    ls::COMMAND,
    man::COMMAND,
    mkdir::COMMAND,
    mount::COMMAND,
    mv::COMMAND,
    pwd::COMMAND,
    rm::COMMAND,
    rmdir::COMMAND,
    sort::COMMAND,
    stat::COMMAND,
    tail::COMMAND,
    tee::COMMAND,
    touch::COMMAND,
    uptime::COMMAND,
    wc::COMMAND,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Form;

    /// The letters of options in a usage: those without a value, and those with one.
    fn letters(usage: &str) -> (String, String) {
        let (mut flags, mut values) = (String::new(), String::new());
        let words = usage.split([' ', '[', ']']).filter(|word| !word.is_empty());
        let mut rest = usage;
        for word in words {
            rest = rest.split_once(word).unwrap().1;
            match word.strip_prefix('-') {
                // What follows the letter in the same brackets is its value.
                Some(letters)
                    if rest.starts_with(' ')
                        && letters.len() == 1
                        && usage.contains(&format!("[{word} ")) =>
                {
                    values += letters;
                }
                Some(letters) => flags += letters,
                None => {}
            }
        }
        (flags, values)
    }

    fn sorted(letters: impl Iterator<Item = char>) -> String {
        let mut letters: Vec<char> = letters.collect();
        letters.sort_unstable();
        letters.dedup();
        letters.into_iter().collect()
    }

    #[test]
    fn usage_names_the_options_that_are_taken() {
        assert_eq!(letters("x [-ab] [-n LINES] -s [FILE...]"), ("abs".into(), "n".into()));
        for command in COMMANDS {
            let (flags, values) = letters(command.usage);
            let syntax = command.syntax;
            assert_eq!(sorted(flags.chars()), sorted(syntax.flags.chars()), "{}", command.name);
            let taken = syntax.values.chars().chain(syntax.numbers.chars()).chain(syntax.digits);
            assert_eq!(sorted(values.chars()), sorted(taken), "{}", command.name);
        }
    }

    #[test]
    fn usage_says_whether_operands_are_taken() {
        // `rm -f` needs no operand.
        for command in COMMANDS.iter().filter(|command| command.name != "rm") {
            let syntax = command.syntax;
            let is_last_repeated = command.usage.contains("...");
            assert_eq!(syntax.max_operands == usize::MAX, is_last_repeated, "{}", command.name);
            let mut outside = command.usage.split('[').filter_map(|part| part.rsplit(']').next());
            let is_needed = outside.any(|part| part.bytes().any(|byte| byte.is_ascii_uppercase()));
            assert_eq!(
                syntax.min_operands > 0,
                is_needed && syntax.form != Form::First,
                "{}: {}",
                command.name,
                command.usage
            );
        }
    }
}
