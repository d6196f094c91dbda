//! A shell: the line editor, the parser, pipelines, and all commands that need only text and files.
//!
//! The crate is independent of the machine: console, files and memory come from a [`Host`]. A [`Session`] is given
//! [`COMMANDS`] and further tables of commands that know the machine. The crate does not use the heap, so that typing a
//! command does not change the figures of the heap in `/proc`.
//!
//! Data flow: [`Shell`] feeds typed bytes to the [`LineEditor`], the parser makes a [`Line`], `execute` runs it, and each
//! command is one file in `commands`.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod command;
mod commands;
mod copy;
mod edited_line;
mod execute;
mod gathered;
mod host;
mod interactive;
mod line_editor;
mod listed;
mod nearest;
mod options;
mod parser;
mod paths;
mod pipe;
mod scratch;
mod session;
mod shown;
mod source;
mod syntax;
mod text;
mod tree;
mod typed_line;

pub use command::{Command, find};
pub use commands::COMMANDS;
pub use edited_line::MAX_LINE_BYTES;
pub use host::Host;
pub use interactive::Shell;
pub use line_editor::{Event, LineEditor};
pub use listed::Listed;
pub use nearest::Suggestion;
pub use options::{Misuse, Options};
pub use parser::{Line, MAX_DEPTH, MAX_WORDS, Operator, ParseError, Quoted};
pub use session::Session;
pub use syntax::Syntax;
pub use tree::{Condition, List, Pipeline, Redirection, Stage};
pub use typed_line::{TypedEvent, TypedLine};
