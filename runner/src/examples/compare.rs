//! Whether the output of a command is what a document shows.

use super::pattern::{has_same_figures, is_like};

/// A line of three dots stands for any number of lines.
const LEFT_OUT: &str = "...";

/// The first line in which a machine and a document differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Which line of the sample, from 0.
    pub(super) line: usize,
    pub(super) expected: String,
    pub(super) got: String,
}

/// Compares the output of a command with its sample.
pub(super) fn compare(sample: &[&str], output: &str) -> Result<(), Difference> {
    let output: Vec<&str> = output.lines().collect();
    let mut runs: Vec<Run> = vec![Run { line: 0, sample: Vec::new() }];
    for (line, text) in sample.iter().enumerate() {
        if text.trim() == LEFT_OUT {
            runs.push(Run { line: line + 1, sample: Vec::new() });
        } else if let Some(run) = runs.last_mut() {
            run.sample.push(text);
        }
    }
    let last = runs.len() - 1;
    let mut from = 0;
    for (number, run) in runs.iter().enumerate() {
        let left = output.get(from..).unwrap_or_default();
        let skipped = match (number == 0, number == last) {
            (true, false) => run.stands_at(left).map(|()| 0),
            (true, true) => run.is_all(left).map(|()| 0),
            (false, true) => {
                let skipped = left.len().saturating_sub(run.sample.len());
                run.is_all(left.get(skipped..).unwrap_or_default()).map(|()| skipped)
            }
            (false, false) => run.find(left),
        }?;
        from += skipped + run.sample.len();
    }
    Ok(())
}

/// Lines of a sample with none left out between them.
struct Run<'a> {
    /// Where it begins in the sample.
    line: usize,
    sample: Vec<&'a str>,
}

impl Run<'_> {
    /// The output begins with these lines.
    fn stands_at(&self, output: &[&str]) -> Result<(), Difference> {
        let fits = |(at, sample): (usize, &&str)| {
            output.get(at).is_some_and(|line| is_like(sample, line) && has_same_figures(sample, line))
        };
        match self.sample.iter().enumerate().position(|(at, sample)| !fits((at, sample))) {
            None => Ok(()),
            Some(at) => Err(self.difference(at, output)),
        }
    }

    /// The output has just these lines.
    fn is_all(&self, output: &[&str]) -> Result<(), Difference> {
        self.stands_at(output)?;
        if output.len() > self.sample.len() {
            Err(self.difference(self.sample.len(), output))
        } else {
            Ok(())
        }
    }

    /// How many lines come before these. If they are not found, the error is from the place where most of them match.
    fn find(&self, output: &[&str]) -> Result<usize, Difference> {
        let mut nearest = None;
        for at in 0..=output.len() {
            match self.stands_at(output.get(at..).unwrap_or_default()) {
                Ok(()) => return Ok(at),
                Err(difference) => {
                    if nearest.as_ref().is_none_or(|nearest: &Difference| nearest.line < difference.line) {
                        nearest = Some(difference);
                    }
                }
            }
        }
        let mut nearest = nearest.unwrap_or_else(|| self.difference(0, output));
        if nearest.line == self.line {
            nearest.got = format!("no such line among {}", output.len());
        }
        Err(nearest)
    }

    fn difference(&self, at: usize, output: &[&str]) -> Difference {
        let show = |line: Option<&&str>| line.map_or("the end".to_owned(), |line| format!("`{line}`"));
        Difference { line: self.line + at, expected: show(self.sample.get(at)), got: show(output.get(at)) }
    }
}

#[cfg(test)]
mod tests {
    use super::compare;

    /// The line of the sample in which they differ, and what the machine printed there.
    fn parts_at(sample: &str, output: &str) -> Option<(usize, String)> {
        let sample: Vec<&str> = sample.lines().collect();
        compare(&sample, output).err().map(|difference| (difference.line, difference.got))
    }

    #[test]
    fn all_lines_count() {
        assert_eq!(parts_at("a 1\nb", "a 2\nb"), None);
        assert_eq!(parts_at("", ""), None);
        assert_eq!(parts_at("a\nb", "a\nc"), Some((1, "`c`".into())));
        assert_eq!(parts_at("a\nb", "a"), Some((1, "the end".into())));
        assert_eq!(parts_at("a", "a\nb"), Some((1, "`b`".into())));
        assert_eq!(parts_at("", "a"), Some((0, "`a`".into())));
    }

    #[test]
    fn dots_stand_for_lines_left_out() {
        for sample in [
            "...",
            "a\n...",
            "...\nd",
            "a\n...\nd",
            "a\n...\nb\nc\n...",
            "  ...\nc\n  ...\nd",
            "a\nb\n...\nc\nd",
        ] {
            assert_eq!(parts_at(sample, "a\nb\nc\nd"), None, "{sample}");
        }
        assert_eq!(parts_at("a\n...", ""), Some((0, "the end".into())));
        assert_eq!(parts_at("a\n...\nc", "a\nb\nc\nd"), Some((2, "`d`".into())));
        assert_eq!(parts_at("a\n...\nx\n...", "a\nb"), Some((2, "no such line among 1".into())));
        assert_eq!(parts_at("...\nb\nx\n...", "a\nb\nc"), Some((2, "`c`".into())));
        // A line does not match twice.
        assert!(parts_at("a\n...\na", "a").is_some());
        assert!(parts_at("...\nb\n...\na\n...", "a\nb").is_some());
    }
}
