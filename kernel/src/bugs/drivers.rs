//! Small drivers with one mistake each, to see how the heap's guards report it.
//!
//! Each wrong function has a name that says what it does. It is not inlined, and like its caller has something left to
//! do after its last call: a call that comes last becomes a jump, and the function that jumps is in no call stack. What is
//! left to do differs, so that the compiler merges no two functions.

use core::alloc::Layout;
use core::hint::black_box;
use core::ptr::copy_nonoverlapping;

use crate::memory::heap::{kfree, kmalloc, krealloc};

/// A device names itself. The driver has room for the letters, and none for the zero behind them.
pub(crate) fn name_device() {
    const NAME: &[u8] = b"tally virtual adapter 1\0";
    let Some(room) = Buffer::of_bytes(NAME.len() - 1) else { return };
    copy_name_with_one_byte_too_many(&room, NAME);
    room.free();
    black_box("named");
}

#[inline(never)]
fn copy_name_with_one_byte_too_many(room: &Buffer, name: &[u8]) {
    // SAFETY: none, that is the mistake. No backend uses the byte behind a block of 23 bytes: it takes 24 at least.
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

/// The same, but the late answer is only read.
pub(crate) fn look_late() {
    let Some(request) = Buffer::new(96) else { return };
    let start = request.start;
    // SAFETY: a live block of 96 bytes.
    unsafe { start.write_bytes(0, 96) };
    end_request_by_timeout(request);
    look_at_request_that_has_ended(start);
}

#[inline(never)]
fn look_at_request_that_has_ended(request: *mut u8) {
    const STATUS_OFFSET: usize = 41;
    // SAFETY: none, that is the mistake. Reading does no harm.
    let status = unsafe { request.wrapping_add(STATUS_OFFSET).read_volatile() };
    black_box(status);
}

/// A device sends an answer with its length in front, and the driver believes that.
pub(crate) fn believe_a_length() {
    const ANSWER_BYTES: usize = 64;
    let Some(answer) = Buffer::of_bytes(ANSWER_BYTES) else { return };
    // SAFETY: a live block of that size.
    unsafe {
        answer.start.write_bytes(b'.', ANSWER_BYTES);
        answer.start.write(ANSWER_BYTES as u8 + 16);
    }
    add_up_as_many_bytes_as_it_says(&answer);
    answer.free();
}

#[inline(never)]
fn add_up_as_many_bytes_as_it_says(answer: &Buffer) {
    // SAFETY: none, that is the mistake. Reading does no harm: behind a block there is other memory.
    let bytes = (0..).map(|at| unsafe { answer.start.wrapping_add(at).read_volatile() });
    let claimed = usize::from(bytes.clone().next().unwrap_or(0));
    black_box(bytes.take(claimed).fold(0_u8, u8::wrapping_add));
}

/// A text ends in blanks. The driver goes back over them, and all of it is blanks.
pub(crate) fn trim_blanks() {
    const TEXT_BYTES: usize = 40;
    let Some(text) = Buffer::of_bytes(TEXT_BYTES) else { return };
    // SAFETY: a live block of that size.
    unsafe { text.start.write_bytes(b' ', TEXT_BYTES) };
    go_back_over_blanks_beyond_the_start(&text, TEXT_BYTES);
    text.free();
}

#[inline(never)]
fn go_back_over_blanks_beyond_the_start(text: &Buffer, size_bytes: usize) {
    let mut at = size_bytes as isize;
    // SAFETY: none, that is the mistake. Reading does no harm; before a block there is other memory, or a header.
    while unsafe { text.start.wrapping_offset(at - 1).read_volatile() } == b' ' && at > -8 {
        at -= 1;
    }
    black_box(at);
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

/// A list of events grows, and so moves. The function that closes it still has the old address.
pub(crate) fn close_list_that_moved() {
    let Some(list) = Buffer::new(48) else { return };
    let start = list.start;
    let Some(list) = grow_list(list) else { return };
    free_list_where_it_was(start);
    list.free();
    black_box("closed");
}

#[inline(never)]
fn grow_list(list: Buffer) -> Option<Buffer> {
    const SIZE_BYTES: usize = 5000;
    // SAFETY: of the heap, and this is its only owner.
    let start = unsafe { krealloc(list.start, SIZE_BYTES) };
    let grown = Buffer::at(start, SIZE_BYTES);
    if grown.is_none() {
        list.free();
    }
    black_box(grown)
}

#[inline(never)]
fn free_list_where_it_was(start: *mut u8) {
    // SAFETY: the block has moved, so it is free already, and the tracker refuses this.
    unsafe { kfree(start) };
    black_box("freed");
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

/// A block of the heap.
struct Buffer {
    start: *mut u8,
}

impl Buffer {
    /// From kmalloc.
    fn new(size_bytes: usize) -> Option<Self> {
        Self::at(kmalloc(size_bytes), size_bytes)
    }

    /// From `alloc`, with an alignment of 1, so that the block has no padding at its end.
    fn of_bytes(size_bytes: usize) -> Option<Self> {
        let layout = Layout::array::<u8>(size_bytes.max(1)).ok()?;
        // SAFETY: the size is not zero.
        Self::at(unsafe { alloc::alloc::alloc(layout) }, size_bytes)
    }

    fn at(start: *mut u8, size_bytes: usize) -> Option<Self> {
        if start.is_null() {
            log::error!("out of memory: no block of {size_bytes} bytes");
            return None;
        }
        Some(Self { start })
    }

    fn free(self) {
        // SAFETY: of the heap, and this is its only owner.
        unsafe { kfree(self.start) };
    }
}
