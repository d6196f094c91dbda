//! Real faults that a person can ask for, to see what the kernel says of them.
//!
//! Each is the mistake of a little driver. What needs no forbidden instruction lies below here; the rest in `arch` and
//! `memory`.

mod cache;
mod mailbox;
mod parser;

use core::fmt;

use crate::arch::faults;
use crate::memory::drivers;
use crate::memory::heap::tracker;
use crate::memory::{adapter, packets, sampler};

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
pub(crate) static BUGS: [Bug; 18] = [
    Bug {
        name: "page-fault",
        summary: "write to an address where nothing is mapped; stops",
        run: faults::write_unmapped,
    },
    Bug { name: "null", summary: "use a device that was never found; stops", run: adapter::show_speed },
    Bug { name: "stack-overflow", summary: "parse what nests too deep; stops", run: parser::parse_deep_text },
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
        summary: "write a byte behind a block; found at guard=redzone, guard.sample; goes on",
        run: drivers::name_device,
    },
    Bug {
        name: "use-after-free",
        summary: "write to a freed block; found at guard=full, guard.sample; goes on",
        run: drivers::answer_late,
    },
    Bug {
        name: "read-after-free",
        summary: "read a freed block; found at guard.sample; goes on",
        run: drivers::look_late,
    },
    Bug {
        name: "overread",
        summary: "read behind a block; found at guard.sample; goes on",
        run: drivers::believe_a_length,
    },
    Bug {
        name: "underread",
        summary: "read before a block; found at guard.sample; goes on",
        run: drivers::trim_blanks,
    },
    Bug { name: "leak", summary: "send packets through a driver that loses memory", run: packets::exchange },
    Bug {
        name: "deadlock",
        summary: "allocate in an interrupt under the allocator's lock; goes on",
        run: sampler::sample_heap,
    },
    Bug {
        name: "lock-twice",
        summary: "take a lock that is held already; stops",
        run: mailbox::answer_in_place,
    },
    Bug {
        name: "oom",
        summary: "keep all in a cache until there is no memory; goes on",
        run: cache::read_everything,
    },
];

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
