//! Examples for the host: the programs, scripts and targets that they call exist.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{scenarios, suite};

const MAKEFILE: &str = include_str!("../../../Makefile");

/// Paths and texts of all documents.
pub(super) fn documents() -> Vec<(String, &'static str)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut documents = Vec::new();
    for folder in ["", "docs", "memstat"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).unwrap();
                documents.push((path.strip_prefix(root).unwrap().display().to_string(), &*text.leak()));
            }
        }
    }
    assert!(documents.len() >= 12, "only {} documents", documents.len());
    documents
}

/// Fails with what a line calls that does not exist. Two blanks end the command; an explanation follows.
pub(super) fn check(line: &str) -> Result<(), String> {
    let line = line.split("  ").next().unwrap_or_default();
    line.split(" | ").try_for_each(|stage| check_stage(&words(stage)))
}

/// The words of a line, without quoted text.
fn words(stage: &str) -> Vec<&str> {
    stage.split('\'').step_by(2).flat_map(str::split_whitespace).collect()
}

fn check_stage(words: &[&str]) -> Result<(), String> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    match words {
        ["make", words @ ..] => words.iter().try_for_each(|word| check_make(word)),
        ["printf", ..] | [] => Ok(()),
        ["cargo", words @ ..] => check_cargo(words, root),
        [script, words @ ..] if script.starts_with("scripts/") => {
            if !root.join(script).is_file() {
                return Err(format!("no file {script}"));
            }
            if *script == "scripts/toolchain" { check_stage(words) } else { Ok(()) }
        }
        [other, ..] => Err(format!("unknown: {other}")),
    }
}

/// A target of the Makefile, or a variable that something reads.
fn check_make(word: &str) -> Result<(), String> {
    let is_known = match word.split_once('=') {
        Some((name, _)) => MAKEFILE.split(|c: char| !c.is_alphanumeric()).any(|known| known == name),
        None => MAKEFILE.lines().any(|line| line.starts_with(&format!("{word}:"))),
    };
    if is_known { Ok(()) } else { Err(format!("the Makefile knows no {word}")) }
}

fn check_cargo(words: &[&str], root: &Path) -> Result<(), String> {
    let package = words.iter().position(|word| *word == "-p").and_then(|at| words.get(at + 1));
    if let Some(package) = package {
        let folder = package.trim_start_matches("tally-");
        let is_there = |folder: PathBuf| folder.join("Cargo.toml").is_file();
        if !is_there(root.join(folder)) && !is_there(root.join("examples").join(folder)) {
            return Err(format!("no package {package}"));
        }
    }
    let example = words.iter().position(|word| *word == "--example").and_then(|at| words.get(at + 1));
    if let Some(example) = example
        && !root.join(format!("memstat/examples/{example}.rs")).is_file()
    {
        return Err(format!("no example {example}"));
    }
    let rest =
        words.iter().position(|word| *word == "--").and_then(|at| words.get(at + 1..)).unwrap_or_default();
    match (package, rest) {
        (Some(&"runner"), ["test", names @ ..]) => {
            let is_there = |name: &&&str| {
                scenarios::all().chain(scenarios::soak()).any(|row| suite::matches(name, row.name))
            };
            match names.iter().find(|name| !is_there(name)) {
                Some(name) => Err(format!("no scenario {name}")),
                None => Ok(()),
            }
        }
        (Some(&"runner"), [word, ..])
            if !word.starts_with('-') && !crate::USAGE.contains(&format!("runner {word} ")) =>
        {
            Err(format!("the runner has no {word}"))
        }
        _ => Ok(()),
    }
}

#[test]
fn what_is_not_there_is_missed() {
    for line in [
        "make run MEMORY=32M CMDLINE='demo=memstat log=debug'",
        "make bench KEEP=1   the same",
        "scripts/toolchain cargo test -p vfs path       host tests",
        "scripts/toolchain cargo run -p runner -- list",
        "scripts/toolchain cargo run -p runner -- test page-fault shell-errors",
        "printf 'cat /proc/meminfo\\npoweroff\\n' | make run",
        "cargo run --example system      a program",
    ] {
        assert_eq!(check(line), Ok(()), "{line}");
    }
    for line in [
        "make walk",
        "make run MEMOR=32M",
        "scripts/nothing",
        "scripts/toolchain cargo test -p nothing",
        "scripts/toolchain cargo run -p runner -- walk",
        "scripts/toolchain cargo run -p runner -- test page-fault no-such-scenario",
        "scripts/toolchain cargo run -p runner -- test shell",
        "printf 'poweroff\\n' | make walk",
        "cargo run --example nothing",
    ] {
        assert!(check(line).is_err(), "{line}");
    }
}
