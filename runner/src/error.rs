//! What can stop a scenario, and the result type of the whole runner.
//!
//! A scenario ends at its first error; the line that `suite` prints for it is this type's `Display`.

use std::time::Duration;
use std::{fmt, io};

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a scenario, or the runner itself, could not continue.
#[derive(Debug)]
pub(crate) enum Error {
    /// This computer refused: a file, a process or a socket.
    Host { doing: String, source: io::Error },
    /// The machine did not do what was awaited within the step's limit.
    Timeout { awaited: String, limit: Duration },
    /// QEMU ended while something was still awaited.
    Ended { awaited: String },
    /// QEMU's monitor refused a command.
    Monitor { command: String, answer: String },
    /// An environment variable or an argument that makes no sense.
    Setting { name: &'static str, value: String, expected: &'static str },
    /// The machine answered, and the answer is wrong.
    Wrong(String),
}

impl Error {
    /// For `map_err` on calls to the host: says what was being done.
    pub(crate) fn host(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Host { doing, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { doing, source } => write!(f, "{doing}: {source}"),
            Self::Timeout { awaited, limit } => write!(f, "no {awaited} within {} s", limit.as_secs_f32()),
            Self::Ended { awaited } => write!(f, "QEMU ended, no {awaited}"),
            Self::Monitor { command, answer } => write!(f, "QEMU's monitor refused {command}: {answer}"),
            Self::Setting { name, value, expected } => write!(f, "{name}={value}: expected {expected}"),
            Self::Wrong(what) => f.write_str(what),
        }
    }
}

/// Ends the scenario with a formatted [`Error::Wrong`] unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if $condition {
        } else {
            return Err($crate::error::Error::Wrong(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;
