//! The function at fault, for the last lines of a report: on a screen of 25 lines, the call stack has scrolled away.
//!
//! Functions of the standard library, which raise panics, are skipped: the function that called them is named.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use crate::arch::idt::InterruptFrame;
use crate::arch::{VAddr, backtrace};
use crate::symbols::{self, Frame};

/// Writes the function that caused an exception, with file and line; or the instruction's address.
pub(super) fn write_of_exception(frame: &InterruptFrame, out: &mut dyn Write) -> fmt::Result {
    // The look-up expects a return address, and names the call before it. This is the instruction itself, so 1 is added.
    let Some(site) = Site::of(VAddr(frame.rip.wrapping_add(1))) else {
        return writeln!(out, "at {:#018x}, which is no known function", frame.rip);
    };
    site.write("in", out)?;
    if site.is_library() {
        let caller = backtrace::walk(VAddr(frame.rbp)).filter_map(Site::of).find(|site| !site.is_library());
        caller.map_or(Ok(()), |caller| caller.write("called by", out))?;
    }
    Ok(())
}

/// Writes the function that panicked, with file and line; nothing if it has no name.
pub(super) fn write_of_panic(info: &PanicInfo<'_>, frame_pointer: VAddr, out: &mut dyn Write) -> fmt::Result {
    let file = info.location().map_or("", |place| place.file());
    // The panic's handler comes first, then the library's functions that lead to it.
    let is_handler = |address: &VAddr| !Site::of(*address).is_some_and(|site| site.is_library());
    let callers = || backtrace::walk(frame_pointer).skip_while(is_handler);
    let is_place = |address: VAddr| {
        let mut is_place = false;
        symbols::resolve(address, &mut |frame, _| {
            is_place |= !frame.path.is_empty() && file.ends_with(frame.path.as_str());
        });
        is_place
    };
    let place = callers().position(is_place).unwrap_or(0);
    let site = callers().skip(place).filter_map(Site::of).find(|site| !site.is_library());
    site.map_or(Ok(()), |site| site.write("in", out))
}

/// The place of a call in the source.
struct Site {
    /// The innermost function outside of the standard library; if there is none, the outermost one.
    frame: Frame,
    /// The function into which that one was inlined, if it was.
    outermost: Option<Frame>,
}

impl Site {
    fn of(return_address: VAddr) -> Option<Self> {
        let (mut site, mut outermost): (Option<Frame>, Option<Frame>) = (None, None);
        symbols::resolve(return_address, &mut |frame, is_inlined| {
            if site.as_ref().is_none_or(Frame::is_library) {
                site = Some(*frame);
                outermost = None;
            } else if !is_inlined {
                outermost = Some(*frame);
            }
        });
        Some(Self { frame: site?, outermost })
    }

    fn is_library(&self) -> bool {
        self.frame.is_library()
    }

    fn write(&self, words: &str, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{words} {}", self.frame)?;
        self.outermost.map_or(Ok(()), |outermost| writeln!(out, "inlined in {outermost}"))
    }
}
