//! mimalloc and jemalloc under the model that memstat's own tests have for threads.

#[path = "../../../../tests/common/adapter_models.rs"]
mod adapter_models;
#[path = "../../../../tests/common/crowd.rs"]
mod crowd;
#[path = "../../../../tests/common/records.rs"]
mod records;
#[path = "../../../../tests/common/threads_model.rs"]
mod threads_model;

use adapter_models::follow_models;

fn main() {
    follow_models(|| mimalloc::MiMalloc);
    follow_models(|| tikv_jemallocator::Jemalloc);
}
