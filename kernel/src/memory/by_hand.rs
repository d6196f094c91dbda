//! Blocks that a person makes at the shell: which ones they are, so that no typed address frees a block of the kernel.
//!
//! Addresses are kept inverted, so a scan for leaks takes none of them for a reference: a block whose address stands
//! on the screen alone is a leak, and is reported as one. `commands::blocks` are the only user. The functions that free
//! count as allocator code, as those of `heap` do, so call stacks begin with the command.

use arrayvec::ArrayVec;
use core::ptr::NonNull;

use super::heap::{kfree, krealloc, tracker};
use crate::sync::IrqLock;

/// The most that live at once.
pub(crate) const MAX_BLOCKS: usize = 4096;

static INVERTED: IrqLock<ArrayVec<usize, MAX_BLOCKS>> = IrqLock::new(ArrayVec::new_const());

/// Why an address was not freed, or its block not given another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No live block starts there. That was reported, as for all other callers.
    NotLive,
    /// The block was not made at the shell: the kernel uses it.
    NotByHand {
        /// Its size.
        size_bytes: usize,
    },
    /// There is no memory; the block is as before.
    OutOfMemory,
}

/// Whether there is room for one more.
pub(crate) fn has_room() -> bool {
    !INVERTED.lock().is_full()
}

/// Notes a block that was just made. There must be [room](has_room).
pub(crate) fn note(block: NonNull<u8>) {
    // A block that is not noted could not be freed, but nothing worse.
    let _ = INVERTED.lock().try_push(!(block.as_ptr() as usize));
}

/// How many are live.
pub(crate) fn count() -> usize {
    INVERTED.lock().len()
}

/// The address of the block with a number, from 0 to the last; in no order.
pub(crate) fn get(number: usize) -> Option<usize> {
    INVERTED.lock().get(number).map(|inverted| !inverted)
}

/// Frees the block at `address`.
///
/// # Errors
///
/// [`Refused`]
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) fn free(address: usize) -> Result<(), Refused> {
    check(address)?;
    let is_live = is_live(address);
    // SAFETY: either no block is live there, or one that the shell made, which nobody uses. Handlers of interrupts do
    // not allocate, so nothing comes to live there in between.
    unsafe { kfree(address as *mut u8) };
    forget(address);
    if is_live { Ok(()) } else { Err(Refused::NotLive) }
}

/// Gives the block at `address` a new size, and says where it is then; null after a size of 0, which frees it. Address
/// 0 makes a new block, for which there must be [room](has_room).
///
/// # Errors
///
/// [`Refused`]
#[unsafe(link_section = ".text.allocator")]
#[inline(never)]
pub(crate) fn reallocate(address: usize, new_size_bytes: usize) -> Result<*mut u8, Refused> {
    check(address)?;
    let was_live = is_live(address);
    // SAFETY: as for `free`.
    let moved = unsafe { krealloc(address as *mut u8, new_size_bytes) };
    match NonNull::new(moved) {
        Some(block) => {
            forget(address);
            note(block);
        }
        None if address != 0 && !was_live => return Err(Refused::NotLive),
        None if new_size_bytes > 0 || address == 0 => return Err(Refused::OutOfMemory),
        None => forget(address),
    }
    Ok(moved)
}

/// Refuses a live block that was not made at the shell.
fn check(address: usize) -> Result<(), Refused> {
    if !is_live(address) || INVERTED.lock().contains(&!address) {
        return Ok(());
    }
    let size_bytes = tracker().blocks().get(address).map_or(0, |record| record.size_bytes());
    Err(Refused::NotByHand { size_bytes })
}

fn is_live(address: usize) -> bool {
    NonNull::new(address as *mut u8).is_some_and(|block| tracker().usable_size_bytes(block).is_ok())
}

fn forget(address: usize) {
    let mut inverted = INVERTED.lock();
    if let Some(place) = inverted.iter().position(|inverted| *inverted == !address) {
        inverted.swap_remove(place);
    }
}
