//! Commands that a command runs: the words behind its own, or one word that is a whole line.

use shell::{Line, Session};
use spin::{Mutex, MutexGuard};

/// Too large for the stack. They are held while a command runs inside another, so that none runs inside that.
static WORK: Mutex<Line> = Mutex::new(Line::new());

/// Something to run.
pub(crate) enum Work<'a> {
    /// A command and what it is given. The lock is held all the same: it keeps others from running inside.
    Words { words: &'a [&'a str], _lock: MutexGuard<'static, Line> },
    /// A line of its own. The lock is held for as long as this is.
    Line(MutexGuard<'static, Line>),
}

impl<'a> Work<'a> {
    /// What `words` ask for; says so if that can't be run.
    pub(crate) fn new(session: &mut Session, words: &'a [&'a str]) -> Option<Self> {
        let Some(line) = WORK.try_lock() else {
            session.report_failure(format_args!("fail: runs already; not within itself"));
            return None;
        };
        match words {
            [text] => Self::line(session, line, text),
            words => Some(Self::Words { words, _lock: line }),
        }
    }

    /// The line `text`, kept in `line` for as long as it is needed; says so if it can't be run.
    pub(crate) fn line(
        session: &mut Session,
        mut line: MutexGuard<'static, Line>,
        text: &str,
    ) -> Option<Self> {
        match line.parse(text) {
            Ok(()) => Some(Self::Line(line)),
            Err(error) => {
                session.report_failure(format_args!("fail: {error}"));
                None
            }
        }
    }

    /// Runs it.
    pub(crate) fn run(&self, session: &mut Session) {
        match self {
            Self::Words { words, .. } => {
                session.run_words(words);
                session.finish_output("output");
            }
            Self::Line(line) => session.run_inner_line(line),
        }
    }
}
