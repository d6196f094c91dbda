//! Compares call stacks in the kernel's reports with its sources.
//!
//! Of all scenarios, only this file names paths of the kernel's sources.

use crate::error::{Error, Result, ensure};

macro_rules! source {
    ($path:literal) => {
        Source { path: $path, text: include_str!(concat!("../../../", $path)) }
    };
}

pub(super) const ADAPTER: Source = source!("kernel/src/bugs/adapter.rs");
pub(super) const BUG: Source = source!("kernel/src/bugs/mod.rs");
pub(super) const CACHE: Source = source!("kernel/src/bugs/cache.rs");
pub(super) const DRIVERS: Source = source!("kernel/src/bugs/drivers.rs");
pub(super) const EXECUTE: Source = source!("shell/src/execute.rs");
pub(super) const FAULTS: Source = source!("kernel/src/arch/x86_64/faults.rs");
pub(super) const INTERACTIVE: Source = source!("shell/src/interactive.rs");
pub(super) const KFREE: Source = source!("kernel/src/commands/blocks/kfree.rs");
pub(super) const KMALLOC: Source = source!("kernel/src/commands/blocks/kmalloc.rs");
pub(super) const KREALLOC: Source = source!("kernel/src/commands/blocks/krealloc.rs");
pub(super) const KZALLOC: Source = source!("kernel/src/commands/blocks/kzalloc.rs");
pub(super) const KERNEL: Source = source!("kernel/src/main.rs");
pub(super) const MAILBOX: Source = source!("kernel/src/bugs/mailbox.rs");
pub(super) const PACKETS: Source = source!("kernel/src/bugs/packets.rs");
pub(super) const PARSER: Source = source!("kernel/src/bugs/parser.rs");
pub(super) const RINGS: Source = source!("kernel/src/bugs/rings.rs");
pub(super) const SAMPLER: Source = source!("kernel/src/bugs/sampler.rs");

/// A source file.
pub(super) struct Source {
    /// From the root of the workspace, as reports show it.
    pub(super) path: &'static str,
    pub(super) text: &'static str,
}

impl Source {
    /// What precedes the line number where a place in this file is shown.
    pub(super) fn place(&self) -> String {
        format!("{}:", self.path)
    }

    /// The module of this file, as in names of functions: `tally::memory::packets`.
    pub(super) fn module(&self) -> String {
        let path = self.path.trim_start_matches("kernel/src/").trim_end_matches(".rs");
        format!("tally::{}", path.trim_end_matches("/mod").replace('/', "::"))
    }

    /// The report has a line with the function and the number of a line of this file that contains `code`.
    pub(super) fn expect(&self, report: &str, function: &str, code: &str) -> Result<()> {
        let frame = report.lines().find(|line| line.contains(function));
        let frame = frame.ok_or_else(|| Error::Wrong(format!("no `{function}` in:\n{report}")))?;
        let place = frame.split_once(self.path).and_then(|(_, rest)| rest.strip_prefix(':'));
        let number = place.and_then(|rest| rest.split([':', ' ']).next()?.parse::<usize>().ok());
        let line = number.and_then(|number| self.text.lines().nth(number.checked_sub(1)?));
        let line = line.ok_or_else(|| Error::Wrong(format!("no line of {} in: {frame}", self.path)))?;
        ensure!(line.contains(code), "{frame}: that line has no `{code}`, but is: {line}");
        Ok(())
    }
}

/// The call stack below the title.
pub(super) fn stack<'a>(report: &'a str, title: &str) -> Result<&'a str> {
    let (_, rest) =
        report.split_once(title).ok_or_else(|| Error::Wrong(format!("no `{title}` in:\n{report}")))?;
    // Frames are indented by four, after the time; everything else by less.
    let is_title = |line: &str| line.split_once("] ").is_some_and(|(_, text)| !text.starts_with("    "));
    let end = rest
        .match_indices('\n')
        .map(|(at, _)| at)
        .find(|at| rest.get(at + 1..).and_then(|next| next.lines().next()).is_none_or(is_title));
    Ok(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source { path: "kernel/src/a.rs", text: "fn one() {\n    two();\n}\n" };
    const REPORT: &str = "\
[    0.140387] double free of 0xffff800000081000; ignored
[    0.140388]   this free:
[    0.140389]     tally::a::two+0x35 kernel/src/b.rs:30
[    0.140390]     tally::a::one+0x40 kernel/src/a.rs:2
[    0.140391]   freed first, event 6:
[    0.140392]     tally::a::three+0x40 kernel/src/a.rs:3";

    #[test]
    fn a_file_is_a_module() {
        let module = |path| Source { path, text: "" }.module();
        assert_eq!(module("kernel/src/bugs/packets.rs"), "tally::bugs::packets");
        assert_eq!(module("kernel/src/commands/mod.rs"), "tally::commands");
    }

    #[test]
    fn a_stack_ends_with_the_next_title_or_the_report() {
        assert_eq!(stack(REPORT, "this free:").unwrap().matches("tally").count(), 2);
        assert_eq!(stack(REPORT, "freed first").unwrap().matches("tally").count(), 1);
        assert!(stack(REPORT, "found by:").is_err());
    }

    #[test]
    fn the_line_of_the_function_has_the_code() {
        SOURCE.expect(REPORT, "a::one", "two();").unwrap();
        for (function, code) in [("a::one", "three();"), ("a::two", "two();"), ("a::four", "two();")] {
            assert!(SOURCE.expect(REPORT, function, code).is_err(), "{function} {code}");
        }
    }
}
