//! Hands the linker script to the linker when the kernel is built for the bare machine, and the compiler's version
//! to /proc/version.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rustc-env=RUSTC_VERSION={}", compiler());
    println!("cargo::rerun-if-changed=../linker.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let manifest_dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
        println!("cargo::rustc-link-arg-bins=-T{manifest_dir}/../linker.ld");
        println!("cargo::rustc-link-arg-bins=--gc-sections");
    }
}

/// Such as `rustc 1.91.0`.
fn compiler() -> String {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc).arg("--version").output().expect("cargo has just run this compiler");
    let version = String::from_utf8_lossy(&output.stdout);
    version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
