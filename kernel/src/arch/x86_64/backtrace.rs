//! Call stacks by frame pointers.
//!
//! All code, `core` and `alloc` included, keeps frame pointers: `rbp` points to the caller's `rbp`, above which is the
//! return address (System V ABI for x86-64, section 3.2.2). Every address is checked before it is read: it must be in a
//! known stack, aligned, and higher than the previous one.

use super::{VAddr, image, stacks};

/// The return addresses from a frame pointer on, innermost first.
pub(crate) fn walk(frame_pointer: VAddr) -> impl Iterator<Item = VAddr> {
    let stack = stacks::containing(frame_pointer).unwrap_or(VAddr::zero()..VAddr::zero());
    let mut next = Some(frame_pointer);
    core::iter::from_fn(move || {
        let pointer = next.take()?;
        if pointer % 8_u64 != 0 || !stack.contains(&pointer) || stack.end - pointer < VAddr(16) {
            return None;
        }
        // SAFETY: both words are inside a mapped stack, as was just checked.
        let [caller, return_address] = unsafe { pointer.as_ptr::<[u64; 2]>().read() }.map(VAddr);
        next = (caller > pointer).then_some(caller);
        image::text().contains(&return_address).then_some(return_address)
    })
}
