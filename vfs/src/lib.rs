//! Tally vfs.
#![no_std]
