//! Tests of the whole, against plain models and in pieces.

mod generated;
mod host;

mod paths;
mod ram;
