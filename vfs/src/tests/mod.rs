//! Tests of the whole, against plain models and in pieces.

mod crowd;
mod failing;
mod generated;
mod host;
mod model;

mod paths;
mod ram;
