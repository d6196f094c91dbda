//! Tally shell.
#![no_std]
