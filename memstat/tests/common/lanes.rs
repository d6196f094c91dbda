//! How many lanes a test's tracker may have, and whether they are there at once: the programs `lanes` and `owner` run the
//! other programs' tests over a tracker that may have many.

use std::sync::atomic::{AtomicBool, Ordering};

/// The number of a CPU that no test uses.
const NOBODY: u8 = 15;

/// Whether the module `path` lies in `program`.
const fn is_in(program: &str, path: &str) -> bool {
    let (path, program) = (path.as_bytes(), program.as_bytes());
    let mut index = 0;
    while index < program.len() {
        if index >= path.len() || path[index] != program[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// One, but for the tests in `lanes` and `owner`. `path` is the module of the test.
pub(crate) const fn lanes_of(path: &str) -> usize {
    if is_in("lanes::", path) || is_in("owner::", path) { 16 } else { 1 }
}

/// Whether a tracker was used already. In `lanes` the first use is a CPU's of its own, so that whoever comes then is a
/// second one, and has a lane.
#[derive(Debug, Default)]
pub(crate) struct Used(AtomicBool);

impl Used {
    /// The CPU that a platform in the module `path` names, where it would name `own`.
    pub(crate) fn cpu(&self, path: &str, own: u8) -> u8 {
        if !is_in("lanes::", path) || self.0.load(Ordering::Relaxed) { own } else { NOBODY }
    }

    /// The tracker is used for the first time.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
