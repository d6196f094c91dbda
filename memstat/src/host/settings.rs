//! What the environment says: the words of `MEMSTAT`.

use core::ffi::CStr;

use crate::guard_level::GuardLevel;
use crate::level::Level;
use crate::platform::FirstUse;

/// Where reports go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportTo {
    /// There are none.
    Nowhere,
    /// To the standard error.
    StandardError,
    /// To this file.
    File(&'static str),
}

/// The settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    level: Level,
    guard: GuardLevel,
    history_events: Option<usize>,
    pub(super) report: ReportTo,
    /// The first word that is none.
    unknown: Option<&'static str>,
}

/// Reads the environment, without an allocation.
pub(super) fn read() -> Settings {
    // SAFETY: the name ends with a zero; the answer is null or a string that stays as long as nobody changes the
    // environment, which Rust's programs must not do while others may read it.
    let words = unsafe {
        let words = libc::getenv(c"MEMSTAT".as_ptr());
        if words.is_null() { "" } else { CStr::from_ptr(words).to_str().unwrap_or("?") }
    };
    parse(words)
}

fn parse(words: &'static str) -> Settings {
    let mut settings = Settings {
        level: Level::Off,
        guard: GuardLevel::Off,
        history_events: None,
        report: ReportTo::Nowhere,
        unknown: None,
    };
    for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let is_known = match name {
            "history" => value.parse().map(|events| settings.history_events = Some(events)).is_ok(),
            "guard" => GuardLevel::from_name(value).map(|guard| settings.guard = guard).is_some(),
            "report" if value.is_empty() => {
                settings.report = ReportTo::StandardError;
                true
            }
            "report" => {
                settings.report = ReportTo::File(value);
                true
            }
            _ => Level::from_name(word).map(|level| settings.level = level).is_some(),
        };
        if !is_known {
            settings.unknown.get_or_insert(word);
        }
    }
    settings
}

impl Settings {
    /// Sets a tracker up.
    pub(super) fn apply(&self, tracker: &dyn FirstUse) {
        if let Some(word) = self.unknown {
            let expected =
                "expected a level (off, counters, blocks, stacks, full), guard=, history= or report=";
            super::report::warn(format_args!("memstat: MEMSTAT has `{word}`; {expected}\n"));
        }
        tracker.set_up(self.level, self.guard, self.history_events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_set_level_guards_history_and_report() {
        let settings = parse("stacks,history=1000, guard=full,report=/tmp/a=b");
        assert_eq!((settings.level, settings.guard), (Level::Stacks, GuardLevel::Full));
        assert_eq!(settings.history_events, Some(1000));
        assert_eq!((settings.report, settings.unknown), (ReportTo::File("/tmp/a=b"), None));
        assert_eq!(parse("full,report").report, ReportTo::StandardError);
    }

    #[test]
    fn nothing_is_off_and_the_first_unknown_word_is_named() {
        let settings = parse("");
        assert_eq!(
            (settings.level, settings.report, settings.unknown),
            (Level::Off, ReportTo::Nowhere, None)
        );
        for (words, unknown) in
            [("stack,x", "stack"), ("history=many", "history=many"), ("blocks,guard=1", "guard=1")]
        {
            assert_eq!(parse(words).unknown, Some(unknown));
        }
    }
}
