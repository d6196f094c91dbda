//! Tests of the whole, against plain models and in pieces.

mod crowd;
mod failing;
mod generated;
pub(crate) mod host;
mod interleaved;
mod model;

mod paths;
mod ram;
