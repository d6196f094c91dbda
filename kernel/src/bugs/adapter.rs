//! The driver of a network adapter, which assumes that there is one.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::arch::idt;
use crate::memory::heap::{kfree, kzalloc};

/// What the driver knows of its adapter.
#[derive(Clone, Copy, Debug)]
struct Adapter {
    address: [u8; 6],
    speed_mbit_s: u32,
}

/// Null until there is an adapter.
static ADAPTER: AtomicPtr<Adapter> = AtomicPtr::new(null_mut());

/// Looks for the adapter and reports how fast it is.
pub(crate) fn show_speed() {
    probe();
    let Adapter { address, speed_mbit_s } = read_adapter_that_was_never_found();
    log::info!("adapter: {address:02x?} runs at {speed_mbit_s} Mbit/s");
    let adapter = ADAPTER.swap(null_mut(), Ordering::Relaxed);
    // SAFETY: from `probe`, and nobody else has it now.
    unsafe { kfree(adapter.cast()) };
}

/// Makes room for the driver's state if an interrupt line belongs to an adapter.
fn probe() {
    if idt::lines().iter().any(|line| line.name == Some("adapter")) {
        let adapter = kzalloc(size_of::<Adapter>()).cast();
        ADAPTER.store(adapter, Ordering::Relaxed);
    }
}

#[inline(never)]
fn read_adapter_that_was_never_found() -> Adapter {
    let adapter = ADAPTER.load(Ordering::Relaxed);
    // SAFETY: none, that is the mistake. It may be null.
    unsafe { adapter.read_volatile() }
}
