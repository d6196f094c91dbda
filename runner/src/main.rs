//! Boots the ISO in QEMU.
fn main() {}
