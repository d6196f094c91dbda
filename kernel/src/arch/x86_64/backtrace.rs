//! Call stacks by frame pointers.
//!
//! All code, `core` and `alloc` included, keeps frame pointers: `rbp` points to the caller's `rbp`, above which is the
//! return address (System V ABI for x86-64, section 3.2.2). Every address is checked before it is read: it must be in a
//! known stack, aligned, and higher than the previous one.

use super::{VAddr, cpu, image, stacks};

/// The return addresses from a frame pointer on, innermost first.
pub(crate) fn walk(frame_pointer: VAddr) -> impl Iterator<Item = VAddr> {
    frames(frame_pointer).map(|(_, return_address)| return_address)
}

/// The function in whose frame an address of the caller's stack lies, as a return address into it; `None` if it is the
/// caller's own frame, or in no frame.
pub(crate) fn function_with(stack_address: VAddr) -> Option<VAddr> {
    let mut function = None;
    for (frame, return_address) in frames(cpu::frame_pointer()) {
        // A frame ends with the return address above its frame pointer.
        if stack_address < frame + 2 * size_of::<u64>() {
            return function;
        }
        function = Some(return_address);
    }
    None
}

/// The frames from a frame pointer on, innermost first: each frame pointer, and the return address above it.
fn frames(frame_pointer: VAddr) -> impl Iterator<Item = (VAddr, VAddr)> {
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
        image::text().contains(&return_address).then_some((pointer, return_address))
    })
}
