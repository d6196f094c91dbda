//! What of scheduling needs no CPU: locks that mask interrupts, who holds them, and the load average.
//!
//! A CPU is known by the trait [`Cpu`] alone, so that all of this is tested on the host. `kernel/src/sync` has the
//! locks of this kernel's CPU, `kernel/src/time` the load.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

mod holder;
mod irq_lock;
mod load;

pub use irq_lock::{Cpu, IrqGuard, IrqLock};
pub use load::{LoadAverage, SAMPLE_SECONDS};
