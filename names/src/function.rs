//! Names of functions in readable form.

use core::fmt::{self, Write};

use arrayvec::ArrayString;
use rustc_demangle::demangle;

/// A function's name in the debug information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// The linkage name, mangled, with all modules.
    Mangled(&'a str),
    /// The plain name with its generic arguments, from an entry without a linkage name.
    Plain(&'a str),
}

impl Name<'_> {
    /// The readable name, cut to `N` bytes.
    pub fn shortened<const N: usize>(self) -> ArrayString<N> {
        let mut text = Shortened(ArrayString::new());
        // The only error is that the buffer is full.
        let _ = match self {
            // The alternate form omits hashes.
            Self::Mangled(name) => write!(text, "{:#}", demangle(name)),
            Self::Plain(name) => text.write_str(bare_name(name)),
        };
        text.0
    }
}

/// Text of limited length: a write that exceeds it is an error, which ends the formatting.
struct Shortened<const N: usize>(ArrayString<N>);

impl<const N: usize> Write for Shortened<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| self.0.try_push(character)).map_err(|_| fmt::Error)
    }
}

/// The last part of a function's name, without modules, type and generic arguments: `make` for
/// `<a::B<C> as d::E>::make::<F>`.
pub fn bare_name(name: &str) -> &str {
    let mut depth = 0_usize;
    let (mut start, mut end) = (0, name.len());
    let mut last = '\0';
    for (at, character) in name.char_indices() {
        match character {
            '<' | '(' | '[' | '{' => {
                if depth == 0 && character == '<' && at > start {
                    // Arguments, unless another name follows.
                    end = if last == ':' { at.saturating_sub(2) } else { at };
                }
                depth = depth.saturating_add(1);
            }
            // `->` closes nothing.
            '>' if last == '-' => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && last == ':' => {
                // A colon is one byte.
                let behind = at.saturating_add(1);
                let rest = name.get(behind..).unwrap_or_default();
                if !rest.starts_with('<') && !rest.is_empty() {
                    (start, end) = (behind, name.len());
                }
            }
            _ => {}
        }
        last = character;
    }
    match name.get(start..end) {
        Some(bare) if !bare.is_empty() => bare,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bare_names_have_no_modules_and_no_arguments() {
        for (name, bare) in [
            ("<vfs::ram::RamFs as vfs::filesystem::FileSystem>::make_directory", "make_directory"),
            ("<vfs::vfs::Vfs>::mount", "mount"),
            ("core::ptr::drop_in_place::<alloc::boxed::Box<[u8]>>", "drop_in_place"),
            ("page_of<memstat::record::Record>", "page_of"),
            ("tally::run::{closure#0}", "{closure#0}"),
            ("{closure#0}<a::b::{closure_env#0}<c>>", "{closure#0}"),
            ("<fn(u8) -> u8 as a::B>::call::<(c::D,)>", "call"),
            ("tally_main", "tally_main"),
            ("<a::B>", "<a::B>"),
            ("", ""),
        ] {
            assert_eq!(bare_name(name), bare, "{name}");
        }
    }

    #[test]
    fn names_are_cut_where_their_room_ends() {
        assert_eq!(Name::Plain("make_directory<a>").shortened::<4>().as_str(), "make");
        assert_eq!(Name::Mangled("_RNvC5tally4main").shortened::<64>().as_str(), "tally::main");
    }

    proptest! {
        #[test]
        fn any_name_has_a_bare_one_inside_it(name in any::<String>()) {
            assert!(name.contains(bare_name(&name)));
            assert!(Name::Mangled(&name).shortened::<8>().len() <= 8);
        }
    }
}
