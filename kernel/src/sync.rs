//! The locks of this kernel: spin locks that mask interrupts on this CPU while they are held.
//!
//! Whatever an interrupt handler may touch (the heap, the log ring, the console) stands behind one of them: a handler can
//! then never spin on a lock that the code below it holds. The order in which they may be taken is written down in
//! `memory/mod.rs`. The lock itself is the crate `sched`'s, what it asks of the CPU is `arch::cpu`'s.

pub(crate) use crate::arch::cpu::IrqLock;
