//! The options as data: `--help`, the manual page and the completions of shells are made of this one table.

use std::fmt::Write;

use memstat_report::output::Form;
use memstat_report::output::table::Table;
use memstat_report::profile::Value;

/// A shell that completions are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub(crate) const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

/// What may stand behind an option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// A number or a name that nobody can guess.
    Word(&'static str),
    File(&'static str),
    Form,
    Table,
    Value,
    Shell,
}

impl Takes {
    /// Its name in texts.
    fn word(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Word(word) | Self::File(word) => word,
            Self::Form => "FORM",
            Self::Table => "TABLE",
            Self::Value => "VALUE",
            Self::Shell => "SHELL",
        }
    }

    /// The words that it may be.
    fn choices(self) -> Vec<&'static str> {
        match self {
            Self::Form => Form::ALL.map(Form::name).to_vec(),
            Self::Table => Table::ALL.map(Table::name).to_vec(),
            Self::Value => Value::ALL.map(Value::name).to_vec(),
            Self::Shell => Shell::ALL.map(Shell::name).to_vec(),
            Self::Nothing | Self::Word(_) | Self::File(_) => Vec::new(),
        }
    }
}

/// A row of the table.
struct Choice {
    short: Option<char>,
    long: &'static str,
    takes: Takes,
    text: &'static str,
}

const fn row(short: Option<char>, long: &'static str, takes: Takes, text: &'static str) -> Choice {
    Choice { short, long, takes, text }
}

const OPTIONS: [Choice; 18] = [
    row(
        Some('f'),
        "form",
        Takes::Form,
        "table (the default), folded, flame, icicle (both SVG), pprof (gzip), speedscope, dhat (JSON), html (one page)",
    ),
    row(
        Some('t'),
        "table",
        Takes::Table,
        "only this table, may be repeated: summary, stacks, sites, functions, sizes, ages, tasks",
    ),
    row(Some('o'), "output", Takes::File("FILE"), "write there instead of standard output"),
    row(
        Some('v'),
        "value",
        Takes::Value,
        "live-bytes (the default), live-blocks, total-bytes or total-blocks",
    ),
    row(Some('n'), "top", Takes::Word("NUMBER"), "rows of a table at most (20)"),
    row(None, "diff", Takes::File("BASE"), "what FILE has more than BASE"),
    row(
        None,
        "since",
        Takes::Word("MARK"),
        "only live blocks that came after a mark, or after the event with this number",
    ),
    row(None, "function", Takes::Word("TEXT"), "only call stacks with a function whose name contains this"),
    row(None, "file", Takes::Word("TEXT"), "only call stacks with a place whose file:line contains this"),
    row(None, "min-size", Takes::Word("BYTES"), "only live blocks of at least this size"),
    row(None, "max-size", Takes::Word("BYTES"), "only live blocks of at most this size"),
    row(None, "elf", Takes::File("FILE"), "name addresses from this program, if the dump has no names"),
    row(
        None,
        "offset",
        Takes::Word("HEX"),
        "by how much the addresses of the dump are higher than those in the program's file",
    ),
    row(None, "list", Takes::Nothing, "one line for each dump, and what is wrong with it"),
    row(
        None,
        "follow",
        Takes::Nothing,
        "report again on each dump that comes, until Ctrl-C; with -o the file is kept up to date",
    ),
    row(None, "completions", Takes::Shell, "write completions for bash, zsh or fish"),
    row(None, "man", Takes::Nothing, "write the manual page"),
    row(None, "help", Takes::Nothing, "write this; --version: the version"),
];

const USAGE: [&str; 4] = [
    "[OPTIONS] [FILE[#NUMBER]...]",
    "[OPTIONS] --diff BASE[#NUMBER] FILE[#NUMBER]",
    "--follow [OPTIONS] SERIAL_LOG_OR_TERMINAL",
    "--list [FILE...]",
];

const ABOUT: &str = "what a dump of memstat says, in tables, graphs and files for other tools";

const FILES: &str = "\
A FILE is a dump, or any log with dumps among its lines; - or none is standard input. Of several dumps, the last whole
one is used, or that with the NUMBER; a page shows all of them. Tally's /proc/allocs, allocs_by_stack and allocinfo are
read too. Tables of summary, sizes, ages and tasks are always those of the whole dump.";

const STATUS: &str = "\
The exit status is 0, 1 if nothing could be reported, 2 for a wrong option, 3 if the dump was cut or damaged and what is
whole of it was used.";

/// The widest line of `--help`, and the column that explanations begin in.
const WIDTH: usize = 119;
const COLUMN: usize = 27;

/// What `--help` shows.
pub(crate) fn help() -> String {
    let mut text = format!("memstat-report: {ABOUT}\n\n");
    // A string takes everything.
    for (number, usage) in USAGE.iter().enumerate() {
        let start = if number == 0 { "Usage:" } else { "      " };
        let _ = writeln!(text, "{start} memstat-report {usage}");
    }
    let _ = writeln!(text, "\n{FILES}\n");
    for Choice { short, long, takes, text: what } in &OPTIONS {
        let short = short.map_or("    ".into(), |letter| format!("-{letter}, "));
        let mut line = format!("  {short}--{long} {}", takes.word());
        while line.len() < COLUMN {
            line.push(' ');
        }
        for word in what.split(' ') {
            if line.len() + 1 + word.len() > WIDTH {
                let _ = writeln!(text, "{line}");
                line = " ".repeat(COLUMN);
            }
            if !line.ends_with(' ') {
                line.push(' ');
            }
            line += word;
        }
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "\n{STATUS}");
    text
}

/// The manual page, for `man -l` or a folder of section 1. Source: `man-pages(7)`, `groff_man(7)`.
pub(crate) fn man_page() -> String {
    let escaped = |text: &str| text.replace('\\', "\\e").replace('-', "\\-");
    let mut page = format!(
        ".TH MEMSTAT\\-REPORT 1 \"\" \"memstat\\-report {}\"\n.SH NAME\nmemstat\\-report \\- {}\n.SH SYNOPSIS\n",
        env!("CARGO_PKG_VERSION"),
        escaped(ABOUT)
    );
    for usage in USAGE {
        let _ = writeln!(page, ".B memstat\\-report\n{}\n.br", escaped(usage));
    }
    let _ = writeln!(page, ".SH DESCRIPTION\n{}\n.SH OPTIONS", escaped(FILES));
    for Choice { short, long, takes, text } in &OPTIONS {
        let short = short.map_or(String::new(), |letter| format!("\\-{letter}, "));
        let (long, text) = (escaped(long), escaped(text));
        let _ = writeln!(page, ".TP\n\\fB{short}\\-\\-{long}\\fR \\fI{}\\fR\n{text}", takes.word());
    }
    let _ = writeln!(page, ".SH EXIT STATUS\n{}", escaped(STATUS));
    page
}

/// A shell's completions.
pub(crate) fn completions(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(),
        Shell::Zsh => zsh(),
        Shell::Fish => fish(),
    }
}

fn bash() -> String {
    let mut cases = String::new();
    let mut words = String::from("--version");
    for Choice { short, long, takes, .. } in &OPTIONS {
        let _ = write!(words, " --{long}");
        let short = short.map_or(String::new(), |letter| format!("|-{letter}"));
        let choices = takes.choices().join(" ");
        match takes {
            Takes::Nothing => {}
            // Nothing is proposed.
            Takes::Word(_) => {
                let _ = writeln!(cases, "        --{long}{short}) return ;;");
            }
            Takes::File(_) => {
                let _ = writeln!(
                    cases,
                    "        --{long}{short}) mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;"
                );
            }
            _ => {
                let _ = writeln!(
                    cases,
                    "        --{long}{short}) mapfile -t COMPREPLY < <(compgen -W '{choices}' -- \"$word\"); return ;;"
                );
            }
        }
    }
    format!(
        "_memstat_report() {{\n    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}\n    \
         case $before in\n{cases}    esac\n    case $word in\n        -*) mapfile -t COMPREPLY < <(compgen -W '{words}' \
         -- \"$word\") ;;\n        *) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n    esac\n}}\ncomplete -o \
         filenames -F _memstat_report memstat-report\n"
    )
}

fn zsh() -> String {
    let mut text = String::from("#compdef memstat-report\n_arguments -s");
    for Choice { short, long, takes, text: what } in &OPTIONS {
        let what = what.replace('\'', "'\\''").replace(':', "\\:");
        let value = match takes {
            Takes::Nothing => String::new(),
            Takes::Word(word) => format!(":{word}:"),
            Takes::File(word) => format!(":{word}:_files"),
            _ => format!(":{}:({})", takes.word(), takes.choices().join(" ")),
        };
        let _ = match short {
            Some(letter) => {
                write!(text, " \\\n    '*'{{-{letter},--{long}}}'[{what}]{value}'")
            }
            None => write!(text, " \\\n    '--{long}[{what}]{value}'"),
        };
    }
    text + " \\\n    '*:FILE:_files'\n"
}

fn fish() -> String {
    let mut text = String::new();
    for Choice { short, long, takes, text: what } in &OPTIONS {
        let short = short.map_or(String::new(), |letter| format!(" -s {letter}"));
        let what = what.replace('\'', "\\'");
        let value = match takes {
            Takes::Nothing => String::new(),
            Takes::Word(_) => " -x".into(),
            Takes::File(_) => " -r -F".into(),
            _ => format!(" -x -a '{}'", takes.choices().join(" ")),
        };
        let _ = writeln!(text, "complete -c memstat-report{short} -l {long}{value} -d '{what}'");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_each_choice_and_fits_its_width() {
        let help = help();
        assert!(help.lines().all(|line| line.len() <= 120), "{help}");
        for name in OPTIONS.iter().flat_map(|option| option.takes.choices()) {
            assert!(help.contains(name), "{name}");
        }
    }

    #[test]
    fn each_option_is_in_each_text() {
        let texts = Shell::ALL.map(completions);
        for Choice { long, takes, .. } in &OPTIONS {
            for text in &texts {
                assert!(text.contains(&format!("-{long}")) || text.contains(&format!("-l {long}")), "{long}");
                assert!(takes.choices().iter().all(|choice| text.contains(choice)), "{long}");
            }
            assert!(man_page().contains(&format!("\\-\\-{}", long.replace('-', "\\-"))), "{long}");
        }
    }
}
