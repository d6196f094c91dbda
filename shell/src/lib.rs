//! A shell's machinery: the line editor, the parser, and the table of commands.
//!
//! The crate knows neither files nor devices: bytes come in one by one, text goes out through
//! [`core::fmt::Write`], and commands are functions over a session that the kernel defines. It allocates
//! nothing, so that typing a command does not change what `/proc` tells of the heap.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod command;
mod line_editor;
mod options;
mod parser;
pub mod text;
mod tree;

pub use command::{Command, find};
pub use line_editor::{Event, LineEditor, MOST_LINE_BYTES};
pub use options::Options;
pub use parser::{Line, MOST_DEPTH, MOST_WORDS, Operator, ParseError};
pub use tree::{Condition, List, Pipeline, Redirection, Stage};
