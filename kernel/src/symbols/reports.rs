//! Names for the heap's reports, which know no symbols.

use core::fmt;

use super::{Described, ReturnAddress, resolve};
use crate::arch::VAddr;
use crate::memory::report::{self, Names};

/// Names code for the heap's reports from now on.
pub(super) fn init() {
    report::name_by(Names {
        functions,
        place: |address, out| fmt::Display::fmt(&ReturnAddress(address), out),
        answer: |answer, out| fmt::Display::fmt(&Described(answer), out),
    });
}

fn functions(return_address: VAddr, visit: &mut dyn FnMut(fmt::Arguments<'_>)) {
    resolve(return_address, &mut |frame, is_inlined| {
        if !is_inlined {
            visit(format_args!("{frame}"));
        } else if !frame.is_library() && !frame.is_allocator() {
            visit(format_args!("{frame} (inlined)"));
        }
    });
}
