//! A terminal without its hardware: output to a screen, and typed input.
//!
//! [`BackwardWrap`] lets a line editor move back over the left edge of a serial terminal, whose width [`SizeAnswer`]
//! finds out. [`Lines`] collects formatted pieces into whole lines. [`Screen`] interprets control sequences and draws
//! changed cells on any [`Display`]. [`TypedBytes`] is the ring between interrupt handlers and the shell. Serial line, keyboard and displays are in `kernel/src/arch`;
//! `kernel/src/console` connects them to this crate.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod backward;
mod grid;
mod lines;
mod screen;
mod size_answer;
mod typed;

pub use backward::BackwardWrap;
pub use lines::Lines;
pub use screen::{Cell, Cells, Display, LIGHT_GREY, MAX_COLUMNS, Screen, Unusable};
pub use size_answer::{SIZE_QUESTION, SizeAnswer};
pub use typed::TypedBytes;
