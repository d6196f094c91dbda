//! What valgrind's helgrind cannot see: that latches, gates and the lock order what threads do. It knows the C library's
//! locks only, and would take each meeting of two threads here for a race.
//!
//! With the feature `helgrind`, for this crate's own tests, the calls tell it by client requests: a sequence of instructions
//! that does nothing, but that valgrind knows (valgrind.h, helgrind.h). Without it, they are nothing.

#[cfg(all(feature = "helgrind", target_arch = "x86_64"))]
mod requests {
    use core::arch::asm;

    /// What was done before this request comes before what is done after [`RECEIVE`] for the same address.
    pub(super) const SEND: usize = 0x4847_0121;
    pub(super) const RECEIVE: usize = 0x4847_0122;
    /// The bytes are not looked at any more.
    pub(super) const IGNORE: usize = 0x4847_0127;

    pub(super) fn ask(request: usize, address: *const (), size_bytes: usize) {
        let words = [request, address as usize, size_bytes, 0, 0, 0];
        // SAFETY: outside of valgrind the rotations add up to none; valgrind reads the words, and puts its answer into rdx.
        unsafe {
            asm!(
                "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
                in("rax") words.as_ptr(),
                inout("rdx") 0_usize => _,
            );
        }
    }
}

/// The word is an atomic one, whose reads and writes need no order.
#[inline]
pub(crate) fn unordered<T>(word: &T) -> &T {
    #[cfg(all(feature = "helgrind", target_arch = "x86_64"))]
    requests::ask(requests::IGNORE, core::ptr::from_ref(word).cast(), size_of::<T>());
    word
}

/// This thread continues what others did before they [released](releasing) the word.
#[inline]
pub(crate) fn acquired<T>(word: &T) {
    #[cfg(all(feature = "helgrind", target_arch = "x86_64"))]
    requests::ask(requests::RECEIVE, core::ptr::from_ref(unordered(word)).cast(), 0);
    let _ = word;
}

/// This thread is about to release the word.
#[inline]
pub(crate) fn releasing<T>(word: &T) {
    #[cfg(all(feature = "helgrind", target_arch = "x86_64"))]
    requests::ask(requests::SEND, core::ptr::from_ref(unordered(word)).cast(), 0);
    let _ = word;
}
