//! The forms in which a profile is written: one module each.
//!
//! The sums of each are those of the dump, to the byte.

pub mod dhat;
pub mod flame;
pub mod folded;
pub mod html;
pub mod pprof;
mod protobuf;
pub mod speedscope;
pub mod table;
