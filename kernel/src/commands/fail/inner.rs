//! Commands that a command runs: the words behind its own, or one word that is a whole line.

use shell::{Line, Session};
use spin::{Mutex, MutexGuard};

/// Too large for the stack. They are held while a command runs inside another, so that none runs inside that.
static WORK: Mutex<Line> = Mutex::new(Line::new());
#[cfg(feature = "lab")]
static CLEANUP: Mutex<Line> = Mutex::new(Line::new());

/// Something to run.
pub(super) enum Work<'a> {
    /// A command and what it is given. The lock is held all the same: it keeps others from running inside.
    Words { words: &'a [&'a str], _lock: MutexGuard<'static, Line> },
    /// A line of its own. The lock is held for as long as this is.
    Line(MutexGuard<'static, Line>),
}

impl<'a> Work<'a> {
    /// What `words` ask for; says so if that can't be run.
    pub(super) fn new(session: &mut Session, words: &'a [&'a str]) -> Option<Self> {
        let Some(mut line) = WORK.try_lock() else {
            session.complain(format_args!("fail: runs already; not within itself"));
            return None;
        };
        match words {
            [text] => parse(session, &mut line, text).then_some(Self::Line(line)),
            words => Some(Self::Words { words, _lock: line }),
        }
    }

    /// A line that sets right what the other has changed.
    #[cfg(feature = "lab")]
    pub(super) fn cleanup(session: &mut Session, text: &str) -> Option<Self> {
        let mut line = CLEANUP.try_lock()?;
        parse(session, &mut line, text).then_some(Self::Line(line))
    }

    /// Runs it.
    pub(super) fn run(&self, session: &mut Session) {
        match self {
            Self::Words { words, .. } => {
                session.run_words(words);
                session.finish_output("output");
            }
            Self::Line(line) => session.run_inner_line(line),
        }
    }
}

fn parse(session: &mut Session, line: &mut Line, text: &str) -> bool {
    let parsed = line.parse(text);
    if let Err(error) = &parsed {
        session.complain(format_args!("fail: {error}"));
    }
    parsed.is_ok()
}
