//! The commands of `/proc/memstat_control`.
//!
//! Only the parsing is here; `proc::memstat_control` in the kernel carries the commands out. An invalid line is an error
//! and changes nothing.

use core::fmt;

use memstat::Level;

/// Maximum length of a mark's name.
pub const MAX_NAME_BYTES: usize = 32;
/// The name of the mark if none is given.
pub const DEFAULT_NAME: &str = "default";

/// The list of commands, as the file shows it.
pub const USAGE: &str = "\
level off|counters|blocks|stacks|full
pages off|counters|blocks|stacks|full
mark [NAME]
clear NAME
history on|off|clear
reset-peak
frames own|all
";

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Set the level of tracking, of blocks and of pages.
    SetLevel(Level),
    /// Set the level of tracking of pages alone.
    SetPagesLevel(Level),
    /// Set a mark: later leak reports show what was allocated since.
    Mark(&'a str),
    /// Remove a mark.
    Clear(&'a str),
    /// Record events, at level `full`.
    HistoryOn,
    /// Stop recording events.
    HistoryOff,
    /// Remove all recorded events.
    HistoryClear,
    /// Reset the peaks to the current values.
    ResetPeak,
    /// Show whole call stacks (true), or only up to the function of the command that ran.
    ShowAllFrames(bool),
}

/// Why a line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlError<'a> {
    /// Unknown command, or wrong arguments.
    Command(&'a str),
    /// Unknown level.
    Level(&'a str),
    /// Invalid name of a mark.
    Name(&'a str),
}

impl fmt::Display for ControlError<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(line) => {
                write!(out, "unknown command '{line}'; read this file for the list")
            }
            Self::Level(name) => {
                write!(out, "unknown level '{name}'; expected off, counters, blocks, stacks or full")
            }
            Self::Name(name) => write!(
                out,
                "invalid mark name '{name}'; expected 1 to {MAX_NAME_BYTES} letters, digits, '-', '_' or '.', not all digits"
            ),
        }
    }
}

/// Parses a line.
///
/// # Errors
///
/// [`ControlError`] says why the line was refused.
pub fn parse(line: &str) -> Result<Command<'_>, ControlError<'_>> {
    let mut words = line.split_ascii_whitespace();
    let command = match (words.next(), words.next(), words.next()) {
        (Some("level"), Some(name), None) => {
            Command::SetLevel(Level::from_name(name).ok_or(ControlError::Level(name))?)
        }
        (Some("pages"), Some(name), None) => {
            Command::SetPagesLevel(Level::from_name(name).ok_or(ControlError::Level(name))?)
        }
        (Some("mark"), None, None) => Command::Mark(DEFAULT_NAME),
        (Some("mark"), Some(name), None) => Command::Mark(checked_name(name)?),
        (Some("clear"), Some(name), None) => Command::Clear(checked_name(name)?),
        (Some("history"), Some("on"), None) => Command::HistoryOn,
        (Some("history"), Some("off"), None) => Command::HistoryOff,
        (Some("history"), Some("clear"), None) => Command::HistoryClear,
        (Some("reset-peak"), None, None) => Command::ResetPeak,
        (Some("frames"), Some("own"), None) => Command::ShowAllFrames(false),
        (Some("frames"), Some("all"), None) => Command::ShowAllFrames(true),
        _ => return Err(ControlError::Command(line)),
    };
    Ok(command)
}

/// Checks a mark's name: 1 to [`MAX_NAME_BYTES`] letters, digits, `-`, `_` or `.`, not all of them digits.
///
/// # Errors
///
/// [`ControlError::Name`] if it is not.
pub fn checked_name(name: &str) -> Result<&str, ControlError<'_>> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = name.len() <= MAX_NAME_BYTES
        && name.bytes().all(is_allowed)
        && !name.bytes().all(|byte| byte.is_ascii_digit());
    is_name.then_some(name).ok_or(ControlError::Name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_command_that_is_shown_is_one() {
        for line in USAGE.lines() {
            let line = line
                .replace("off|counters|blocks|stacks|full", "blocks")
                .replace("on|off|clear", "off")
                .replace("own|all", "all");
            for line in
                [line.replace("[NAME]", "first").replace("NAME", "first"), line.replace(" [NAME]", "")]
            {
                assert!(parse(&line).is_ok() || line == "clear NAME", "{line}");
            }
        }
    }

    #[test]
    fn words_must_be_all_there_and_no_more() {
        assert_eq!(parse(" level  full "), Ok(Command::SetLevel(Level::Full)));
        assert_eq!(parse("pages blocks"), Ok(Command::SetPagesLevel(Level::Blocks)));
        assert_eq!(parse("mark"), Ok(Command::Mark("default")));
        assert_eq!(parse("clear v1.2-rc_3"), Ok(Command::Clear("v1.2-rc_3")));
        assert_eq!(parse("level loud"), Err(ControlError::Level("loud")));
        for line in [
            "",
            "level",
            "level full now",
            "history",
            "history maybe",
            "frames",
            "frames some",
            "reset-peaks",
            "LEVEL full",
            "clear",
        ] {
            assert_eq!(parse(line), Err(ControlError::Command(line)), "{line}");
        }
        for name in ["17", "a/b", "ä", "x".repeat(MAX_NAME_BYTES + 1).as_str()] {
            assert_eq!(parse(&format!("mark {name}")), Err(ControlError::Name(name)), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_line_gets_an_answer_that_is_one_line(line in any::<String>()) {
            if let Err(error) = parse(&line) {
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }

        #[test]
        fn only_what_the_words_say_is_done(words in prop::collection::vec("level|pages|mark|clear|history|on|full|frames|own|all|[a-z0-9]{1,4}", 0..4)) {
            let line = words.join(" ");
            match parse(&line) {
                Ok(Command::SetLevel(level)) => prop_assert_eq!(&line, &format!("level {level}")),
                Ok(Command::SetPagesLevel(level)) => prop_assert_eq!(&line, &format!("pages {level}")),
                Ok(Command::Mark(name)) => {
                    let is_default = line == "mark" && name == "default";
                    prop_assert!(is_default || line == format!("mark {name}"), "{line}");
                }
                Ok(Command::Clear(name)) => prop_assert_eq!(&line, &format!("clear {name}")),
                Ok(Command::HistoryOn) => prop_assert_eq!(line, "history on"),
                Ok(Command::HistoryOff) => prop_assert_eq!(line, "history off"),
                Ok(Command::HistoryClear) => prop_assert_eq!(line, "history clear"),
                Ok(Command::ResetPeak) => prop_assert_eq!(line, "reset-peak"),
                Ok(Command::ShowAllFrames(true)) => prop_assert_eq!(line, "frames all"),
                Ok(Command::ShowAllFrames(false)) => prop_assert_eq!(line, "frames own"),
                Err(_) => {}
            }
        }
    }
}
