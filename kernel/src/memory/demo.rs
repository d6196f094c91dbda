//! `demo=memstat`: two allocations and two frees at boot, with the counters logged after each step.

use super::heap::{kfree, kmalloc, tracker};

/// Two blocks come and go. Each line says what there is more than before the first.
pub(crate) fn count_along() {
    let base = tracker().counters();
    let log_growth = |what: &str| {
        let now = tracker().counters();
        let blocks = now.live_blocks.saturating_sub(base.live_blocks);
        let bytes = now.live_bytes.saturating_sub(base.live_bytes);
        let plural = if blocks == 1 { "" } else { "s" };
        log::info!("lesson: {what}: {blocks} more block{plural}, {bytes} more bytes");
    };
    log_growth("before");
    let first = kmalloc(128);
    let second = kmalloc(512);
    log_growth("after kmalloc(128) and kmalloc(512)");
    // SAFETY: both blocks came from kmalloc and nobody uses them.
    unsafe { kfree(first) };
    log_growth("after kfree of the first");
    // SAFETY: as above.
    unsafe { kfree(second) };
    log_growth("after kfree of the second");
}
