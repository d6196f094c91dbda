//! The locks of this kernel: spin locks that mask interrupts on this CPU while they are held.
//!
//! Data that an interrupt handler may touch (the heap, the log ring, the console) is behind one of them: so a handler
//! never spins on a lock that the interrupted code holds. `memory/mod.rs` has the order in which they may be taken. The
//! lock is in the crate `sched`, what it needs of the CPU in `arch::cpu`.

pub(crate) use crate::arch::cpu::IrqLock;
