//! Real faults that a person can ask for, to see what the kernel says of them.
//!
//! The ones that need forbidden instructions lie in `arch` and `memory`.

use core::fmt;

use crate::arch::faults;
use crate::memory::drivers;
use crate::memory::heap::{kmalloc, tracker};
use crate::memory::packets;

/// A fault.
pub(crate) struct Bug {
    /// The name that chooses it.
    pub(crate) name: &'static str,
    /// What happens.
    pub(crate) summary: &'static str,
    /// Makes it happen.
    pub(crate) run: fn(),
}

/// All of them.
pub(crate) static BUGS: [Bug; 13] = [
    Bug {
        name: "page-fault",
        summary: "write to an address where nothing is mapped; stops",
        run: faults::write_unmapped,
    },
    Bug { name: "null", summary: "read through a null pointer; stops", run: faults::read_null },
    Bug { name: "stack-overflow", summary: "recurse without end; stops", run: faults::overflow_stack },
    Bug { name: "panic", summary: "panic; stops", run: || panic!("asked for by a person") },
    Bug {
        name: "double-panic",
        summary: "panic with a message that panics; stops",
        run: || panic!("{}", PanicsWhenShown),
    },
    Bug { name: "locked-panic", summary: "panic under the tracker's lock; stops", run: panic_under_lock },
    Bug {
        name: "interrupt-panic",
        summary: "panic in the handler of an interrupt; stops",
        run: || faults::interrupt(|| panic!("asked for in an interrupt")),
    },
    Bug { name: "double-free", summary: "free a block twice; goes on", run: drivers::fail_to_start },
    Bug {
        name: "invalid-free",
        summary: "free an address inside a block; goes on",
        run: drivers::parse_text,
    },
    Bug {
        name: "overrun",
        summary: "write a byte behind a block; found at guard=redzone; goes on",
        run: drivers::name_device,
    },
    Bug {
        name: "use-after-free",
        summary: "write to a freed block; found at guard=full; goes on",
        run: drivers::answer_late,
    },
    Bug { name: "leak", summary: "send packets through a driver that loses memory", run: packets::exchange },
    Bug { name: "oom", summary: "ask for more memory than there is; goes on", run: ask_for_too_much },
];

/// A request that cannot be served gets a null pointer, and the kernel goes on.
fn ask_for_too_much() {
    let size_bytes = crate::memory::total_pages() * crate::memory::frames::PAGE_BYTES * 2;
    let block = kmalloc(size_bytes);
    if block.is_null() {
        log::error!("out of memory: kmalloc of {size_bytes} bytes returned null");
    } else {
        log::error!("kmalloc of {size_bytes} bytes, twice what there is, returned {block:p}");
    }
}

/// A value whose text cannot be had.
struct PanicsWhenShown;

impl fmt::Display for PanicsWhenShown {
    fn fmt(&self, _out: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("asked for while a panic is reported")
    }
}

fn panic_under_lock() {
    tracker().with_backend(|_| panic!("asked for under the tracker's lock"));
}
