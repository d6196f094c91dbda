//! `make fuzz` runs this with inputs from libFuzzer; the body is in `fuzz/src/report.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::report(input));
