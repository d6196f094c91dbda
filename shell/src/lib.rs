//! A shell: the line editor, the parser, pipelines, and all commands that deal in text and files alone.
//!
//! The crate knows no machine: console, files and memory come from a [`Host`], and commands that know more than that
//! are rows of a table that a [`Session`] is given beside [`COMMANDS`]. It has no heap, so that typing a command does
//! not change what `/proc` tells of one.
//!
//! From a byte to its effect: [`Shell`] feeds the [`LineEditor`], the parser makes a [`Line`], `execute` runs it, and a
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
