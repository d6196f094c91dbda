//! Hands the linker script to the linker when the kernel is built for the bare machine.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=../linker.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let manifest_dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
        println!("cargo::rustc-link-arg-bins=-T{manifest_dir}/../linker.ld");
        println!("cargo::rustc-link-arg-bins=--gc-sections");
    }
}
