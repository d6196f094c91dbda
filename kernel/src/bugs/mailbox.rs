//! A mailbox whose receiver answers while its letter is still being delivered.

use arrayvec::ArrayVec;

use crate::sync::IrqLock;

/// Letters that may wait.
const MAX_LETTERS: usize = 4;

static LETTERS: IrqLock<ArrayVec<u32, MAX_LETTERS>> = IrqLock::new(ArrayVec::new_const());

/// Posts a letter and delivers it to somebody who answers.
pub(super) fn answer_in_place() {
    post(1);
    deliver_with_the_mailbox_locked(|letter| post(letter + 1));
}

#[inline(never)]
fn post(letter: u32) {
    let mut letters = LETTERS.lock();
    if letters.try_push(letter).is_err() {
        log::warn!("mailbox: full, letter {letter} is lost");
    }
}

/// The mistake: the receiver is called with the lock held.
#[inline(never)]
fn deliver_with_the_mailbox_locked(receive: impl Fn(u32)) {
    let mut letters = LETTERS.lock();
    while let Some(letter) = letters.pop() {
        receive(letter);
    }
}
