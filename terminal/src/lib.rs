//! A terminal without its hardware: what is shown, and what was typed.
//!
//! [`BackwardWrap`] lets a line editor go back over the edge of the terminal at the serial line, whose width
//! [`SizeAnswer`] finds out. [`Lines`] gathers formatted pieces into whole lines. [`Screen`] does what control
//! sequences ask for and draws the cells that changed, on any [`Display`]. [`TypedBytes`] is the ring between
//! interrupt handlers and the shell. Serial line, keyboard and displays are in `kernel/src/arch`;
//! `kernel/src/console` puts the two together.
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
