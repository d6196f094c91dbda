//! Shared parts of the tests: the host's memory as pages, a platform for the tracker, a window for sampled blocks.

mod pages;
mod platform;
mod reserved;
mod window;

pub(crate) use pages::HostPages;
pub(crate) use platform::{CPUS, STACKS, TestPlatform, return_address};
pub(crate) use reserved::Reserved;
