//! `demo=memstat`: two allocations and a free at boot, with the counters logged after each step.

use memstat::Counters;

use super::heap::{Stats, kfree, kmalloc, tracker};

/// Two blocks come, one goes, and what is said agrees at each step.
pub(crate) fn count_along() {
    let base = tracker().counters();
    let say = |what: &str| {
        let now = tracker().counters();
        let over = Counters {
            live_blocks: now.live_blocks.saturating_sub(base.live_blocks),
            live_bytes: now.live_bytes.saturating_sub(base.live_bytes),
            ..Counters::ZERO
        };
        log::info!("lesson: {what}: {}", Stats(over));
    };
    let first = kmalloc(128);
    let second = kmalloc(512);
    say("after kmalloc(128) and kmalloc(512)");
    // SAFETY: both blocks came from kmalloc and nobody uses them.
    unsafe { kfree(first) };
    say("after kfree of the first");
    // SAFETY: as above.
    unsafe { kfree(second) };
    say("after kfree of the second");
}
