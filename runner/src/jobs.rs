//! Work on several items at a time, in threads.

use std::sync::Mutex;
use std::thread;

/// Does `work` on every item, in their order, `jobs` of them at a time.
pub(crate) fn for_each<T: Send>(jobs: usize, items: Vec<T>, work: impl Fn(T) + Sync) {
    let queue = Mutex::new(items.into_iter());
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                // The lock must not be held during the work.
                let next = || queue.lock().ok()?.next();
                while let Some(item) = next() {
                    work(item);
                }
            });
        }
    });
}
