//! The other programs' tests once more, over a tracker that has lanes from the first operation on.

#![expect(clippy::duplicate_mod, reason = "each program has what its tests share")]

#[path = "claims.rs"]
mod claims;
#[path = "deadlock.rs"]
mod deadlock;
#[path = "double_free.rs"]
mod double_free;
#[path = "marks.rs"]
mod marks;
#[path = "model.rs"]
mod model;
#[path = "reach.rs"]
mod reach;
#[path = "strict/main.rs"]
mod strict;
#[path = "switching.rs"]
mod switching;
