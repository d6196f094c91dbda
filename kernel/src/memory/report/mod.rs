//! What a person is told of the heap at the moment when something is wrong with it: no memory, a bad free or damage, a lock
//! that its own CPU holds.

mod call_stack;
pub(crate) mod corruption;
pub(crate) mod deadlock;
pub(crate) mod out_of_memory;
mod rate_limit;

pub(crate) use call_stack::show;
