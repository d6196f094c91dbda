//! A parser of nested lists, which goes one call deeper with each bracket, however many come.

use core::iter::{Chain, RepeatN, repeat_n};

/// More calls than any stack of this kernel has room for.
const DEPTH: usize = 1 << 20;

/// So many opening brackets, then so many closing ones.
type Text = Chain<RepeatN<u8>, RepeatN<u8>>;

/// Reads a text of nothing but brackets.
pub(super) fn parse_deep_text() {
    let mut text: Text = repeat_n(b'[', DEPTH).chain(repeat_n(b']', DEPTH));
    match parse_list_without_a_limit(&mut text) {
        Some(lists) => log::info!("parser: {lists} lists"),
        None => log::warn!("parser: no list"),
    }
}

/// The lists from here to the bracket that ends this one. The mistake: nothing limits how deep it goes.
#[inline(never)]
fn parse_list_without_a_limit(text: &mut Text) -> Option<usize> {
    let mut lists = 1;
    loop {
        match text.next()? {
            b'[' => lists += parse_list_without_a_limit(text)?,
            b']' => return Some(lists),
            _ => return None,
        }
    }
}
