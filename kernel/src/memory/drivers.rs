//! Little drivers with one mistake each, for people to look at: what the heap's guards say of them.
//!
//! Each wrong function has a name that tells what it does. It is not inlined, and like its caller it has something left to
//! do after its last call: a call that comes last becomes a jump, and who jumps stands in no call stack. What is left to do
//! differs, so that no two functions become one.

use core::hint::black_box;
use core::ptr::copy_nonoverlapping;

use super::heap::{kfree, kmalloc};

/// A device names itself. The driver has room for the letters, and none for the zero behind them.
pub(crate) fn name_device() {
    const NAME: &[u8] = b"tally virtual adapter 01\0";
    let Some(room) = Buffer::new(NAME.len() - 1) else { return };
    copy_name_with_one_byte_too_many(&room, NAME);
    room.free();
    black_box("named");
}

#[inline(never)]
fn copy_name_with_one_byte_too_many(room: &Buffer, name: &[u8]) {
    // SAFETY: none, that is the mistake. No backend uses the byte behind a block of 24 bytes: it takes 32.
    unsafe { copy_nonoverlapping(name.as_ptr(), room.start, name.len()) };
    black_box(room);
}

/// A request ends by time-out, and its answer comes after all.
pub(crate) fn answer_late() {
    let Some(request) = Buffer::new(96) else { return };
    let start = request.start;
    end_request_by_timeout(request);
    complete_request_that_has_ended(start);
    black_box("answered");
}

#[inline(never)]
fn end_request_by_timeout(request: Buffer) {
    request.free();
    black_box("timed out");
}

#[inline(never)]
fn complete_request_that_has_ended(request: *mut u8) {
    const STATUS_OFFSET: usize = 40;
    // SAFETY: none, that is the mistake. No backend keeps anything at that place of a free block of this size.
    unsafe { request.wrapping_add(STATUS_OFFSET).write_volatile(0x01) };
    black_box(request);
}

/// A device does not start. The driver cleans up, and then its remover cleans up once more.
pub(crate) fn fail_to_start() {
    let Some(buffer) = Buffer::new(64) else { return };
    let start = buffer.start;
    clean_up_after_failed_start(buffer);
    remove_device_that_never_started(start);
    black_box("failed");
}

#[inline(never)]
fn clean_up_after_failed_start(buffer: Buffer) {
    buffer.free();
    black_box("did not start");
}

#[inline(never)]
fn remove_device_that_never_started(buffer: *mut u8) {
    // SAFETY: the block is free already, and the tracker refuses this.
    unsafe { kfree(buffer) };
    black_box("removed");
}

/// A parser moves through its text with the only pointer that it has to it.
pub(crate) fn parse_text() {
    let Some(text) = Buffer::new(80) else { return };
    free_text_where_parsing_ended(text.start.wrapping_add(17));
    text.free();
    black_box("read");
}

#[inline(never)]
fn free_text_where_parsing_ended(position: *mut u8) {
    // SAFETY: no block starts there, and the tracker refuses this.
    unsafe { kfree(position) };
    black_box("parsed");
}

/// A block of kmalloc.
struct Buffer {
    start: *mut u8,
}

impl Buffer {
    fn new(size_bytes: usize) -> Option<Self> {
        let start = kmalloc(size_bytes);
        if start.is_null() {
            log::error!("out of memory: kmalloc of {size_bytes} bytes returned null");
            return None;
        }
        Some(Self { start })
    }

    fn free(self) {
        // SAFETY: from kmalloc, and this is its only owner.
        unsafe { kfree(self.start) };
    }
}
