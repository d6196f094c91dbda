//! What tests of heaps need, on the host and in a running kernel: the contract, and repeatable random numbers.

pub mod contract;
pub mod random;
