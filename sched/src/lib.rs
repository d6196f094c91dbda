//! Locks that mask interrupts, and the load average.
//!
//! The CPU is behind the trait [`Cpu`], so that all of this is tested on the host. `kernel/src/sync` implements it,
//! `kernel/src/time` measures the load.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

mod holder;
mod irq_lock;
mod load;

pub use irq_lock::{Cpu, IrqGuard, IrqLock};
pub use load::{LoadAverage, SAMPLE_SECONDS};
