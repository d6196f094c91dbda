//! Gives the linker the machine's memory layout.

fn main() {
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap();
    let layout = if arch.starts_with("riscv") { "riscv" } else { &arch };
    println!("cargo:rustc-link-arg=-T{}/layout/{layout}.ld", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    println!("cargo:rerun-if-changed=layout");
}
