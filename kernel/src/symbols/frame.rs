//! A function that an address lies in, and how reports show it.

use core::fmt::{self, Write};

use arrayvec::ArrayString;
use names::{Name, Place, bare_name, paths};

use super::cache::Text;
use super::{LINES, Lines, SYMTAB, function, look_up, site_of};
use crate::arch::VAddr;

/// Columns before a frame of a list.
const LIST_INDENT: usize = 4;
/// Longer names are cut, so that a row of a table has a limit.
const MAX_NAME_BYTES: usize = 160;
/// Longer paths lose their beginning.
const MAX_PATH_BYTES: usize = 80;
const MAX_WHOLE_PATH_BYTES: usize = 512;
/// The directory of this crate, and its name.
const KERNEL: [&str; 2] = ["kernel", "tally"];

/// Where the allocator's functions stand, which the compiler may inline into functions that allocate.
const ALLOCATOR_FILE: &str = "kernel/src/memory/heap.rs";

/// A function, and a line in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// The function's name, demangled: with its modules where the symbol table has it, else its own name.
    pub(crate) function: ArrayString<MAX_NAME_BYTES>,
    /// How far behind the function's start; `None` for an inlined one.
    pub(crate) offset: Option<usize>,
    /// The source file, from the workspace on; empty where it is not known.
    pub(crate) path: ArrayString<MAX_PATH_BYTES>,
    /// The line in it; 0 where it is not known.
    pub(crate) line: u32,
}

impl Frame {
    pub(super) fn of_symbol(name: &str, offset: usize) -> Self {
        let function = Name::Mangled(name).shortened();
        Self { function, offset: Some(offset), path: ArrayString::new(), line: 0 }
    }

    pub(super) fn of_place(place: &Place<'_>) -> Self {
        let mut whole = ArrayString::<MAX_WHOLE_PATH_BYTES>::new();
        for part in [place.base, place.directory, place.file] {
            if part.starts_with('/') {
                whole.clear();
            } else if !whole.is_empty() && !part.is_empty() {
                let _ = whole.try_push('/');
            }
            // Whoever has longer paths sees no file.
            if whole.try_push_str(part).is_err() {
                whole.clear();
                break;
            }
        }
        let short = paths::shortened(&whole, place.base);
        let end = (short.len().saturating_sub(MAX_PATH_BYTES)..).find_map(|start| short.get(start..));
        Self {
            function: place.name.map(Name::shortened).unwrap_or_default(),
            offset: None,
            path: end.and_then(|end| ArrayString::from(end).ok()).unwrap_or_default(),
            line: place.line,
        }
    }

    /// Whether it belongs to the standard library.
    pub(crate) fn is_library(&self) -> bool {
        paths::is_library(&self.path)
    }

    /// Whether it belongs to the allocator, whose functions call stacks leave out where they are not inlined.
    pub(crate) fn is_allocator(&self) -> bool {
        self.path.ends_with(ALLOCATOR_FILE)
    }

    /// The crate that it was written in; empty where that is not known.
    pub(crate) fn crate_name(&self) -> ArrayString<32> {
        let directory = paths::crate_directory(&self.path);
        let name = if directory == KERNEL[0] { KERNEL[1] } else { directory };
        let mut identifier = ArrayString::new();
        for character in name.chars() {
            let _ = identifier.try_push(if character == '-' { '_' } else { character });
        }
        identifier
    }

    /// The function's name without modules, type and arguments.
    pub(crate) fn bare_name(&self) -> &str {
        bare_name(&self.function)
    }
}

/// `function+0x12 file:line`, as far as it is known.
impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.function)?;
        if let Some(offset) = self.offset {
            write!(out, "+{offset:#x}")?;
        }
        if self.path.is_empty() { Ok(()) } else { write!(out, " {}:{}", self.path, self.line) }
    }
}

/// A return address as `function+0x12 file:line`: the function that was compiled, and where in its source the call
/// stands, the standard library's and the allocator's code inside it left aside. A plain address where there is no
/// name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReturnAddress(pub(crate) VAddr);

impl fmt::Display for ReturnAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.as_usize();
        let text = match LINES.try_lock().as_mut().and_then(|lines| lines.as_mut()) {
            Some(lines) => lines.text(address),
            None => {
                function(address.wrapping_sub(1), address).map(|frame| text_of(&[frame])).unwrap_or_default()
            }
        };
        if text.is_empty() { write!(out, "{address:#018x}") } else { out.write_str(&text) }
    }
}

/// An instruction, in the same way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruction(pub(crate) VAddr);

impl fmt::Display for Instruction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.as_usize();
        let text = look_up(address, address, text_of);
        if text.is_empty() { write!(out, "{address:#018x}") } else { out.write_str(&text) }
    }
}

/// A return address as Linux's `%pS` writes it: `function+0x12/0x34`, with the function's length. A number where
/// nothing is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbolic(pub(crate) VAddr);

impl fmt::Display for Symbolic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.as_usize();
        let symbol = SYMTAB.get().and_then(|symtab| symtab.find(address.wrapping_sub(1)));
        let Some(symbol) = symbol else { return write!(out, "{address:#018x}") };
        let name = Name::Mangled(symbol.name).shortened::<MAX_NAME_BYTES>();
        write!(out, "{name}+{:#x}/{:#x}", address - symbol.start, symbol.size_bytes)
    }
}

impl Lines {
    /// The text of a return address, from the cache if it was looked up before.
    fn text(&mut self, address: usize) -> Text {
        if let Some(known) = self.cache.get(address) {
            return *known;
        }
        self.find(address.wrapping_sub(1), address);
        let text = text_of(&self.frames);
        self.cache.insert(address, &text);
        text
    }

    /// The path of a return address, as it stands in a list.
    fn write_path(&mut self, address: usize, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No code lies there, so this is no other text's key.
        let key = address ^ (1 << (usize::BITS - 1));
        if let Some(known) = self.cache.get(key) {
            return out.write_str(known);
        }
        self.find(address.wrapping_sub(1), address);
        let mut text = Text::new();
        if write_path(&self.frames, address, LIST_INDENT, &mut text).is_err() {
            return write_path(&self.frames, address, LIST_INDENT, out);
        }
        self.cache.insert(key, &text);
        out.write_str(&text)
    }
}

/// The outermost function, with the place of its call.
fn text_of(frames: &[Frame]) -> Text {
    let mut text = Text::new();
    if let Some((outermost, site)) = frames.last().zip(site_of(frames)) {
        // It has room for the longest names and paths.
        let _ = write!(text, "{}", Frame { path: site.path, line: site.line, ..*outermost });
    }
    text
}

/// An address of a call stack with all functions that it lies in, a line each, inlined ones first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallPath {
    /// An instruction, for its name and line.
    probe: usize,
    address: usize,
    /// How far further lines are indented.
    indent: usize,
}

impl CallPath {
    /// The call before a return address.
    pub(crate) fn of_return_address(address: VAddr, indent: usize) -> Self {
        let address = address.as_usize();
        Self { probe: address.wrapping_sub(1), address, indent }
    }

    /// An instruction itself.
    pub(crate) fn of_instruction(address: VAddr, indent: usize) -> Self {
        let address = address.as_usize();
        Self { probe: address, address, indent }
    }
}

impl fmt::Display for CallPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        look_up(self.probe, self.address, |frames| write_path(frames, self.address, self.indent, out))
    }
}

fn write_path(frames: &[Frame], address: usize, indent: usize, out: &mut dyn fmt::Write) -> fmt::Result {
    if frames.is_empty() {
        return write!(out, "{address:#018x}");
    }
    for (number, frame) in frames.iter().enumerate() {
        if number > 0 {
            write!(out, "\n{:indent$}", "")?;
        }
        write!(out, "{frame}")?;
        if number + 1 < frames.len() {
            out.write_str(" (inlined)")?;
        }
    }
    Ok(())
}

/// A frame of a call stack in a list of many: all functions that the call before the return address lies in, a line
/// each, indented by four. Call stacks share their outer frames, so the text is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackFrame(pub(crate) VAddr);

impl fmt::Display for StackFrame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.as_usize();
        if let Some(lines) = LINES.try_lock().as_mut().and_then(|lines| lines.as_mut()) {
            return lines.write_path(address, out);
        }
        let frame = function(address.wrapping_sub(1), address);
        write_path(frame.as_slice(), address, LIST_INDENT, out)
    }
}
