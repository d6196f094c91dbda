//! Real faults that a person can ask for, to see how the kernel reports them.
//!
//! Each is the mistake of a small driver, in a file of its own or in `drivers`. They are separate from the product, and
//! their `unsafe` code is here so that none of it is beside the allocator.

mod adapter;
mod cache;
pub(crate) mod command;
mod drivers;
mod found_by;
mod mailbox;
mod packets;
mod parser;
mod rings;
mod sampler;

use core::fmt;

use self::found_by::FoundBy;
use crate::arch::faults;
use crate::memory::heap::tracker;

/// A fault.
pub(crate) struct Bug {
    /// The name that chooses it.
    pub(crate) name: &'static str,
    /// What happens.
    pub(crate) summary: &'static str,
    /// The check that detects it.
    pub(crate) found_by: FoundBy,
    /// Makes it happen.
    pub(crate) run: fn(),
}

impl Bug {
    const fn new(name: &'static str, summary: &'static str, run: fn()) -> Self {
        Self { name, summary, found_by: FoundBy::Always, run }
    }

    const fn found_by(self, found_by: FoundBy) -> Self {
        Self { found_by, ..self }
    }
}

/// All of them.
pub(crate) static BUGS: &[Bug] = &[
    Bug::new("page-fault", "write to an address where nothing is mapped; stops", faults::write_unmapped),
    Bug::new("null", "use a device that was never found; stops", adapter::show_speed),
    Bug::new("stack-overflow", "parse what nests too deep; stops", parser::parse_deep_text),
    Bug::new("panic", "panic; stops", || panic!("asked for by a person")),
    Bug::new("double-panic", "panic with a message that panics; stops", || panic!("{}", PanicsWhenShown)),
    Bug::new("locked-panic", "panic under the tracker's lock; stops", panic_under_lock),
    Bug::new("interrupt-panic", "panic in the handler of an interrupt; stops", || {
        faults::interrupt(|| panic!("asked for in an interrupt"));
    }),
    Bug::new("double-free", "free a block twice; continues", drivers::fail_to_start),
    Bug::new(
        "stale-free",
        "free where a block was before it grew; continues",
        drivers::close_list_that_moved,
    ),
    Bug::new("invalid-free", "free an address inside a block; continues", drivers::parse_text),
    Bug::new("overrun", "write a byte behind a block; continues", drivers::name_device)
        .found_by(FoundBy::RedZone),
    Bug::new("use-after-free", "write to a freed block; continues", drivers::answer_late)
        .found_by(FoundBy::Poison),
    Bug::new("read-after-free", "read a freed block; continues", drivers::look_late)
        .found_by(FoundBy::FreedPage),
    Bug::new("overread", "read behind a block; continues", drivers::believe_a_length)
        .found_by(FoundBy::OneSide),
    Bug::new("underread", "read before a block; continues", drivers::trim_blanks).found_by(FoundBy::OneSide),
    Bug::new(
        "leak",
        "lose packets in a driver; continues; found by leaks since or leaks scan",
        packets::exchange,
    ),
    Bug::new(
        "leak-pages",
        "lose pages in a driver; continues; found by leaks since or leaks scan",
        rings::receive,
    ),
    Bug::new("double-free-pages", "give pages back twice; continues", rings::fail_to_start),
    Bug::new(
        "page-overrun",
        "write behind the driver's pages, into free ones; continues",
        rings::overrun_buffer,
    )
    .found_by(FoundBy::PagePoison),
    Bug::new(
        "deadlock",
        "allocate in an interrupt under the allocator's lock; continues",
        sampler::sample_heap,
    ),
    Bug::new("lock-twice", "take a lock that is held already; stops", mailbox::answer_in_place),
    Bug::new("oom", "keep all in a cache until there is no memory; continues", cache::read_everything),
];

/// A value that panics when it is printed.
struct PanicsWhenShown;

impl fmt::Display for PanicsWhenShown {
    fn fmt(&self, _out: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("asked for while a panic is reported")
    }
}

fn panic_under_lock() {
    tracker().with_backend(|_| panic!("asked for under the tracker's lock"));
}
