//! Call stacks by frame pointers.
//!
//! All code, `core` and `alloc` included, keeps frame pointers: at `rbp` lies the caller's `rbp`, above it
//! the return address (System V ABI for x86-64, section 3.2.2). Every address is checked before it is read:
//! it lies in a known stack, is aligned, and is higher than the one before.

use super::{image, stacks};

/// The return addresses from a frame pointer on, innermost first.
pub(crate) fn walk(frame_pointer: usize) -> impl Iterator<Item = usize> {
    let stack = stacks::containing(frame_pointer).unwrap_or(0..0);
    let mut next = Some(frame_pointer);
    core::iter::from_fn(move || {
        let pointer = next.take()?;
        if !pointer.is_multiple_of(8) || !stack.contains(&pointer) || stack.end - pointer < 16 {
            return None;
        }
        // SAFETY: both words lie inside a mapped stack, as was just checked.
        let [caller, return_address] = unsafe { (pointer as *const [usize; 2]).read() };
        next = (caller > pointer).then_some(caller);
        image::text().contains(&return_address).then_some(return_address)
    })
}
