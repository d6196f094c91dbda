//! Resolves `FUNCTION` or `FILE:LINE` to the return addresses of the calls made there.

use core::ops::Range;

use memstat::{Sites, TooManySites};

use super::{Frame, LINES, SYMTAB};
use crate::arch::image;

/// Adds the return addresses of calls that `word` names: `FUNCTION`, alone or with its modules, all of them where there
/// are several; or `FILE:LINE`, the file alone or with its directories.
pub(crate) fn find_sites(word: &str, sites: &mut Sites) -> Result<(), TooManySites> {
    match word.rsplit_once(':').map(|(file, line)| (file, line.parse())) {
        Some((file, Ok(line))) => find_line(file, line, sites),
        _ => find_functions(word, sites),
    }
}

/// All calls in functions of this name: those of the symbol table, or else those that were inlined.
fn find_functions(name: &str, sites: &mut Sites) -> Result<(), TooManySites> {
    let Some(symtab) = SYMTAB.get() else { return Ok(()) };
    for symbol in symtab.named(name).filter(|symbol| symbol.size_bytes > 0) {
        sites.add(symbol.start + 1..=symbol.start.saturating_add(symbol.size_bytes))?;
    }
    if !sites.is_all() {
        return Ok(());
    }
    add_calls(sites, |frame| {
        let modules = frame.function.strip_suffix(name);
        modules.is_some_and(|modules| modules.is_empty() || modules.ends_with("::"))
    })
}

/// All calls that stand in this line, wherever it was inlined.
fn find_line(file: &str, line: u32, sites: &mut Sites) -> Result<(), TooManySites> {
    add_calls(sites, |frame| {
        let directories = frame.path.strip_suffix(file).filter(|_| frame.line == line);
        directories.is_some_and(|rest| !file.is_empty() && (rest.is_empty() || rest.ends_with('/')))
    })
}

/// Adds each call of which one of the functions that it lies in is meant.
fn add_calls(sites: &mut Sites, is_meant: impl Fn(&Frame) -> bool) -> Result<(), TooManySites> {
    let text = image::text();
    let text = text.start.as_usize()..text.end.as_usize();
    let bytes = image::text_bytes();
    for offset in 0..bytes.len() {
        let place = text.start + offset;
        let Some(length) = call_bytes(bytes.get(offset..).unwrap_or_default(), place, &text) else {
            continue;
        };
        let mut lines = LINES.try_lock();
        let Some(lines) = lines.as_mut().and_then(|lines| lines.as_mut()) else { return Ok(()) };
        lines.find(place + length - 1, place + length);
        if lines.frames.iter().any(&is_meant) {
            sites.add(place + length..=place + length)?;
        }
    }
    Ok(())
}

/// The length of the call instruction that `bytes`, at `address`, start with, if they look like one. Other bytes that
/// look like one do no harm: no call returns there.
fn call_bytes(bytes: &[u8], address: usize, text: &Range<usize>) -> Option<usize> {
    match *bytes {
        // CALL rel32 (Intel SDM, volume 2A).
        [0xe8, a, b, c, d, ..] => {
            let distance = i32::from_le_bytes([a, b, c, d]) as isize;
            text.contains(&(address + 5).wrapping_add_signed(distance)).then_some(5)
        }
        // CALL r/m64, identified by the middle bits of the next byte.
        [0xff, mode, next, ..] if mode >> 3 & 7 == 2 => {
            let has_index = mode >> 6 != 3 && mode & 7 == 4;
            let displacement = match (mode >> 6, mode & 7) {
                (0, 5) | (2, _) => 4,
                (0, 4) if next & 7 == 5 => 4,
                (1, _) => 1,
                _ => 0,
            };
            Some(2 + usize::from(has_index) + displacement)
        }
        _ => None,
    }
}
