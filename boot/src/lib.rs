//! Tally boot.
#![no_std]
