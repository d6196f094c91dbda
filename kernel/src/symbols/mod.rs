//! Names for addresses of the kernel's code, from the symbols and the debug information that GRUB leaves in memory.
//!
//! Names are looked up while a report is read, never while something is allocated. The work is done in guarded
//! calls: sections that are missing, cut off or noise cost file and line, then the function's name, never more. So
//! reports of faults and panics may ask too; if they interrupted a look-up, they get the function alone.

mod cache;
mod frame;
mod reports;
mod sections;
mod sites;
mod stack;
mod whatis;

use core::ops::RangeInclusive;

use arrayvec::ArrayVec;
use boot::BootInfo;
use names::{Index, Symtab};
use spin::{Mutex, Once};

use crate::arch::VAddr;
use crate::arch::guarded::{self, Abandoned};
use crate::memory::pages::symbol_arena;
use cache::Cache;
use config::SymbolSource as Source;
pub(crate) use frame::{CallPath, Frame, ReturnAddress, StackFrame, Symbolic};
pub(crate) use sites::find_sites;
pub(crate) use stack::write_stack;
pub(crate) use whatis::Described;

/// Frames of one address that are kept: more inlined functions than these are left out in the middle.
const MAX_FRAMES: usize = 12;
/// Memory for a look-up. The debug information that compilers make needs none.
const SCRATCH_BYTES: usize = 8 << 10;
/// Look-ups that may fault or panic before no more are tried.
const MAX_FAILURES: u32 = 8;

/// The functions of one address, innermost first.
type Frames = ArrayVec<Frame, MAX_FRAMES>;

static SYMTAB: Once<Symtab<'static>> = Once::new();
/// No code waits for it: code that interrupts a look-up gets no lines.
static LINES: Mutex<Option<Lines>> = Mutex::new(None);

/// The index of files and lines. It lies in the symbol arena, and is never dropped.
#[derive(Debug)]
struct Lines {
    index: Index<'static>,
    cache: Cache,
    failures: u32,
    /// The result of the last look-up: too large for the stack.
    frames: Frames,
}

/// Reads the sections that the loader left. At boot, with interrupts masked.
pub(crate) fn init(info: &BootInfo, source: Source) {
    reports::init();
    let sections = sections::Found::new(info, source);
    if let Some(symtab) = sections.symtab() {
        SYMTAB.call_once(|| symtab);
    }
    let Some(wanted_bytes) = sections.index_bytes() else {
        return log::warn!("symbols: no debug information; call stacks show no files and lines");
    };
    if !symbol_arena::take(wanted_bytes) {
        return log::warn!("symbols: no memory to spare; call stacks show no files and lines");
    }
    let built = symbol_arena::call(|| {
        let index = Index::build(sections.debug());
        Lines { index, cache: Cache::new(), failures: 0, frames: Frames::new() }
    });
    match built {
        Ok(lines) if lines.index.function_count() > 0 => {
            symbol_arena::keep(SCRATCH_BYTES);
            let (functions, kept_kib) = (lines.index.function_count(), symbol_arena::kept_bytes() / 1024);
            log::info!("symbols: {functions} functions with files and lines, {kept_kib} KiB");
            *LINES.lock() = Some(lines);
        }
        unusable => {
            // It lies in the memory that is given back.
            core::mem::forget(unusable);
            symbol_arena::give_back();
            log::warn!("symbols: the debug information is damaged; call stacks show no files and lines");
        }
    }
}

/// Passes to `visit` the functions that the call before `return_address` lies in, from the innermost inlined one
/// outward, and whether each is inlined: none where nothing is known. What `visit` itself looks up has functions alone.
pub(crate) fn resolve(return_address: VAddr, visit: &mut dyn FnMut(&Frame, bool)) {
    let return_address = return_address.as_usize();
    // The call lies before the address, maybe as the function's last instruction.
    look_up(return_address.wrapping_sub(1), return_address, |frames| {
        for (number, frame) in frames.iter().enumerate() {
            visit(frame, number + 1 < frames.len());
        }
    });
}

/// The place of a call as a person sees it: the innermost function that is neither the standard library's nor the
/// allocator's, or else the outermost.
pub(crate) fn site(return_address: VAddr) -> Option<Frame> {
    let return_address = return_address.as_usize();
    look_up(return_address.wrapping_sub(1), return_address, |frames| site_of(frames).copied())
}

fn site_of(frames: &[Frame]) -> Option<&Frame> {
    frames.iter().find(|frame| !frame.is_library() && !frame.is_allocator()).or(frames.last())
}

/// Passes to `look` the functions that the instruction at `probe` lies in, with the offset of `address`.
fn look_up<R>(probe: usize, address: usize, look: impl FnOnce(&[Frame]) -> R) -> R {
    let mut lines = LINES.try_lock();
    match lines.as_mut().and_then(|lines| lines.as_mut()) {
        Some(lines) => {
            lines.find(probe, address);
            look(&lines.frames)
        }
        None => look(function(probe, address).as_slice()),
    }
}

impl Lines {
    fn find(&mut self, probe: usize, address: usize) {
        let Self { index, failures, frames, .. } = self;
        frames.clear();
        if *failures < MAX_FAILURES {
            let found = symbol_arena::call(|| {
                // A broken entry leaves what was found before it.
                let _ = index.look_up(probe as u64, &mut |place| {
                    if frames.is_full() {
                        frames.pop();
                    }
                    frames.push(Frame::of_place(place));
                });
                name_outermost(frames, probe, address);
            });
            match found {
                Ok(()) => return,
                Err(Abandoned::Failed) => *failures += 1,
                Err(Abandoned::Busy) => {}
            }
            frames.clear();
        }
        if guarded::call(|| frames.extend(function(probe, address))).is_err() {
            frames.clear();
        }
    }
}

/// The function as the symbol table has it: its name is whole there, with all its modules.
fn name_outermost(frames: &mut Frames, probe: usize, address: usize) {
    let symbol = function(probe, address);
    match (frames.last_mut(), symbol) {
        (Some(frame), Some(symbol)) => (frame.function, frame.offset) = (symbol.function, symbol.offset),
        (None, Some(symbol)) => frames.push(symbol),
        _ => {}
    }
}

/// The name of the function whose calls return to these addresses, all of them and no others; or of several that lie
/// side by side, if the first and the last have the same name.
pub(crate) fn function_of(returns: &RangeInclusive<usize>) -> Option<impl core::fmt::Display> {
    let symtab = SYMTAB.get()?;
    let [first, last] = [returns.start(), returns.end()].map(|address| symtab.find(address.wrapping_sub(1)));
    let (first, last) = first.zip(last)?;
    let ends = first.start.wrapping_add(1)..=last.start.wrapping_add(last.size_bytes);
    let names = [first, last].map(|symbol| Frame::of_symbol(symbol.name, 0).function);
    (ends == *returns && names[0] == names[1]).then_some(names[0])
}

/// The variable that an address lies in, with the offset.
pub(crate) fn variable(address: VAddr) -> Option<Frame> {
    let address = address.as_usize();
    let symbol = SYMTAB.get()?.find_variable(address)?;
    Some(Frame::of_symbol(symbol.name, address.wrapping_sub(symbol.start)))
}

/// The start of the function that the call before a return address lies in; the address itself where that is not known.
pub(crate) fn function_start(return_address: VAddr) -> VAddr {
    let address = return_address.as_usize();
    let symbol = SYMTAB.get().and_then(|symtab| symtab.find(address.wrapping_sub(1)));
    symbol.map_or(return_address, |symbol| VAddr::from_usize(symbol.start))
}

/// The name of the function that starts at an address.
pub(crate) fn function_at(start: VAddr) -> Option<impl core::fmt::Display> {
    let start = start.as_usize();
    function(start, start).map(|frame| frame.function)
}

/// Passes the start of each function and variable with this name, alone or with its modules, to `visit`.
pub(crate) fn for_each_named(name: &str, visit: &mut dyn FnMut(VAddr)) {
    let Some(symtab) = SYMTAB.get() else { return };
    for symbol in
        symtab.named(name).chain(symtab.variables_named(name)).filter(|symbol| symbol.size_bytes > 0)
    {
        visit(VAddr::from_usize(symbol.start));
    }
}

fn function(probe: usize, address: usize) -> Option<Frame> {
    let symbol = SYMTAB.get()?.find(probe)?;
    Some(Frame::of_symbol(symbol.name, address.wrapping_sub(symbol.start)))
}
