//! The names of the program's functions, from the symbol table of its own file; and which of them are the allocator's.
//!
//! A call stack is to begin with the program's code, not with the code of `alloc`, `core` and of this crate that stands
//! between it and the allocator. That code is compiled into the program, so no range of addresses holds it: its symbols
//! tell. A bit for each 16 bytes of code says whether a return address there is left out, so that one look is enough.

use core::fmt;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::gate::Gate;

/// Bytes of code that one bit stands for: functions are aligned to this, as a rule.
const GRANULE_BYTES: usize = 16;

/// Where the program's code lies in memory, and how long it is.
static CODE_START: AtomicUsize = AtomicUsize::new(0);
static CODE_BYTES: AtomicUsize = AtomicUsize::new(0);
/// The bits.
static LEFT_OUT: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// The mapped file, its length, and what is to be added to the addresses in it.
static FILE: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static FILE_BYTES: AtomicUsize = AtomicUsize::new(0);
static BIAS: AtomicUsize = AtomicUsize::new(0);

/// Whether it was read, or could not be.
static IS_LOADED: AtomicBool = AtomicBool::new(false);
/// Held by the thread that reads it. Others wait: call stacks that they record before would begin elsewhere.
pub(super) static LOADING: Gate<()> = Gate::new(());

/// Whether a return address lies in code that call stacks leave out.
#[inline]
pub(super) fn is_allocator_code(address: usize) -> bool {
    // The call is before the address that it returns to.
    let offset = address.wrapping_sub(1).wrapping_sub(CODE_START.load(Ordering::Relaxed));
    if offset >= CODE_BYTES.load(Ordering::Relaxed) {
        return false;
    }
    let granule = offset / GRANULE_BYTES;
    // SAFETY: there is a bit for each granule of the code, and the length is set last.
    let bits = unsafe { LEFT_OUT.load(Ordering::Relaxed).add(granule / 8).read() };
    bits >> (granule % 8) & 1 != 0
}

/// A symbol of the table.
#[derive(Clone, Copy, Debug)]
struct Symbol<'a> {
    address: usize,
    size_bytes: usize,
    name: &'a [u8],
}

/// Little-endian numbers in the file.
fn number(bytes: &[u8], offset: usize, width: usize) -> Option<usize> {
    let bytes = bytes.get(offset..offset.checked_add(width)?)?;
    let mut padded = [0; 8];
    padded.get_mut(..width)?.copy_from_slice(bytes);
    usize::try_from(u64::from_le_bytes(padded)).ok()
}

/// The functions in an ELF file of 64 bits (System V ABI, chapters 4 "Sections" and "Symbol Table").
fn functions(file: &[u8]) -> Option<impl Iterator<Item = Symbol<'_>>> {
    const SYMBOL_TABLE: usize = 2;
    const SYMBOL_BYTES: usize = 24;
    const FUNCTION: u8 = 2;
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (sections, section_bytes) = (number(file, 0x28, 8)?, number(file, 0x3a, 2)?);
    let header = |index: usize| file.get(sections.checked_add(index.checked_mul(section_bytes)?)?..);
    let contents = |header: &[u8]| {
        let start = number(header, 0x18, 8)?;
        file.get(start..start.checked_add(number(header, 0x20, 8)?)?)
    };
    let count = number(file, 0x3c, 2)?;
    let table = (0..count).filter_map(header).find(|header| number(header, 4, 4) == Some(SYMBOL_TABLE))?;
    let names = contents(header(number(table, 0x28, 4)?)?)?;
    Some(contents(table)?.chunks_exact(SYMBOL_BYTES).filter_map(move |entry| {
        let name = names.get(number(entry, 0, 4)?..)?;
        let length = name.iter().position(|byte| *byte == 0)?;
        let is_function = entry.get(4)? & 0xf == FUNCTION;
        let (address, size_bytes) = (number(entry, 8, 8)?, number(entry, 16, 8)?);
        is_function.then_some(Symbol { address, size_bytes, name: name.get(..length)? })
    }))
}

/// The names of such functions begin with one of these.
const LEFT_OUT_NAMES: [&str; 9] = [
    "alloc::",
    "core::",
    "memstat::",
    "__rust",
    "__rustc",
    "__rg_",
    "__rdl_",
    "std::alloc",
    "hashbrown::raw",
];

/// Whether a function stands between the program and the allocator: one of `alloc`, of this crate, or of the compiler's
/// own for `GlobalAlloc`. The mangled names of both schemes begin with the crate, or hold it as that of a trait's methods.
fn is_left_out(name: &str) -> bool {
    let plain = rustc_demangle::demangle(name);
    let mut text = Prefix { bytes: [0; 64], length: 0 };
    let _ = fmt::write(&mut text, format_args!("{plain:#}"));
    let text = text.bytes.get(..text.length).unwrap_or_default();
    let text = core::str::from_utf8(text).unwrap_or_default();
    let text = text.trim_start_matches(['<', '&']);
    LEFT_OUT_NAMES.iter().any(|own| text.starts_with(own))
}

/// The first bytes of a text.
struct Prefix {
    bytes: [u8; 64],
    length: usize,
}

impl fmt::Write for Prefix {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.length).ok_or(fmt::Error)? = byte;
            self.length += 1;
        }
        Ok(())
    }
}

fn map(file: i32, size_bytes: usize, access: i32, kind: i32) -> Option<*mut u8> {
    // SAFETY: new memory, at no address that anybody uses.
    let start = unsafe { libc::mmap(null_mut(), size_bytes, access, kind, file, 0) };
    (start != libc::MAP_FAILED).then_some(start.cast())
}

/// Reads the program's own file. Without one, or without symbols in it, stacks have the allocator's frames and no names.
pub(super) fn load() {
    if !IS_LOADED.load(Ordering::Acquire) {
        LOADING.with(|()| {
            if !IS_LOADED.load(Ordering::Relaxed) {
                let _ = try_load();
                IS_LOADED.store(true, Ordering::Release);
            }
        });
    }
}

fn try_load() -> Option<()> {
    // SAFETY: the path ends with a zero.
    let descriptor = unsafe { libc::open(c"/proc/self/exe".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if descriptor < 0 {
        return None;
    }
    // SAFETY: it sets a position in our own file.
    let size_bytes = unsafe { libc::lseek(descriptor, 0, libc::SEEK_END) };
    let size_bytes = usize::try_from(size_bytes).ok().filter(|size_bytes| *size_bytes > 0);
    let start = size_bytes.and_then(|size| map(descriptor, size, libc::PROT_READ, libc::MAP_PRIVATE));
    // SAFETY: opened above; the memory stays.
    unsafe { libc::close(descriptor) };
    let (start, size_bytes) = start.zip(size_bytes)?;
    // SAFETY: mapped, and never unmapped.
    let file = unsafe { core::slice::from_raw_parts(start, size_bytes) };
    // The entry is at one address in the file, and at another in memory.
    // SAFETY: it returns a number.
    let entry = unsafe { libc::getauxval(libc::AT_ENTRY) } as usize;
    let bias = entry.wrapping_sub(number(file, 0x18, 8)?);
    let (mut first, mut end) = (usize::MAX, 0);
    for function in functions(file)?.filter(|function| function.size_bytes > 0) {
        first = first.min(function.address);
        end = end.max(function.address.saturating_add(function.size_bytes));
    }
    let code_bytes = end.checked_sub(first)?;
    let bits_bytes = code_bytes.div_ceil(GRANULE_BYTES * 8);
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let mask_start = map(-1, bits_bytes, libc::PROT_READ | libc::PROT_WRITE, kind)?;
    // SAFETY: mapped just now, for nobody else.
    let mask = unsafe { core::slice::from_raw_parts_mut(mask_start, bits_bytes) };
    for function in functions(file)? {
        if !core::str::from_utf8(function.name).is_ok_and(is_left_out) {
            continue;
        }
        let offset = function.address - first;
        // A granule that two functions share is the program's.
        let granules = offset.div_ceil(GRANULE_BYTES)..(offset + function.size_bytes).div_ceil(GRANULE_BYTES);
        for granule in granules {
            if let Some(byte) = mask.get_mut(granule / 8) {
                *byte |= 1 << (granule % 8);
            }
        }
    }
    BIAS.store(bias, Ordering::Relaxed);
    FILE_BYTES.store(size_bytes, Ordering::Relaxed);
    FILE.store(start, Ordering::Release);
    LEFT_OUT.store(mask_start, Ordering::Relaxed);
    CODE_START.store(first.wrapping_add(bias), Ordering::Relaxed);
    CODE_BYTES.store(code_bytes, Ordering::Release);
    Some(())
}

/// By how much addresses are higher than in the program's file; 0 if that is not known.
pub(super) fn load_offset() -> usize {
    load();
    BIAS.load(Ordering::Relaxed)
}

/// Writes the name of the function that a return address lies in, and how far.
pub(super) fn write(address: usize, out: &mut dyn fmt::Write) -> fmt::Result {
    load();
    let start = FILE.load(Ordering::Acquire);
    if !start.is_null() {
        // SAFETY: mapped, and never unmapped.
        let file = unsafe { core::slice::from_raw_parts(start, FILE_BYTES.load(Ordering::Relaxed)) };
        let inside = address.wrapping_sub(BIAS.load(Ordering::Relaxed));
        let covers = |function: &Symbol<'_>| {
            inside.wrapping_sub(1).wrapping_sub(function.address) < function.size_bytes
        };
        let function = functions(file).and_then(|mut functions| functions.find(covers));
        let name =
            function.and_then(|function| Some((core::str::from_utf8(function.name).ok()?, function.address)));
        if let Some((name, start)) = name {
            return write!(out, "{:#}+{:#x}", rustc_demangle::demangle(name), inside - start);
        }
    }
    write!(out, "{address:#x}")
}
