//! What an address is, in one line of words with the names of functions: for `whatis` and for reports of crashes.

use core::fmt;

use boot::RegionKind;
use journal::Seconds;
use memstat::{BlockState, Platform, Record};

use super::frame::Instruction;
use super::{ReturnAddress, variable};
use crate::arch::{VAddr, image};
use crate::memory::heap::tracker;
use crate::memory::whatis::{Answer, Block, HeapPlace, StackPlace, What};

/// An answer as one line, without the address itself.
pub(crate) struct Described<'a>(pub(crate) &'a Answer);

impl fmt::Display for Described<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answer { address, what, run, .. } = self.0;
        match what {
            What::NotCanonical => out.write_str("no address: bits 48 to 63 are not copies of bit 47"),
            What::LowerHalf if address.as_u64() < 4096 => {
                out.write_str("not mapped: the first page, so maybe a null pointer")
            }
            What::LowerHalf => out.write_str("not mapped: nothing is, in the lower half"),
            What::Unmapped(hole) => {
                write!(out, "not mapped, like all from {:#x} to {:#x}", hole.first, hole.last)
            }
            What::Image(section) => write_image(*address, section, out),
            What::Stack(StackPlace { name, depth_bytes, size_bytes }) => {
                write!(out, "in the {name}, {depth_bytes} of {size_bytes} bytes deep")
            }
            What::StackGuard(name) => write!(out, "in the guard page below the {name}: a stack overflow"),
            What::Block(block) => write_block(block, out),
            What::Heap(HeapPlace::Free) => {
                out.write_str("in a free block of the heap; who had it last is not known")
            }
            What::Heap(HeapPlace::NotRecorded) => {
                out.write_str("in a live block of the heap that is not recorded; memstat=blocks records them")
            }
            What::Heap(HeapPlace::Own) => out.write_str("memory of the heap that is no block"),
            What::SampledGuard => {
                out.write_str("a page for sampled blocks, without a block, or a guard page beside one")
            }
            What::Device(device) => write!(
                out,
                "{} bytes into {} bytes of a device or of the firmware, at phys:{:#x}, mapped by {}",
                (*address - device.start).as_u64(),
                device.size_bytes,
                device.physical,
                ReturnAddress(device.caller)
            ),
            What::Metadata { is_absent: false } => out.write_str("metadata of pages"),
            What::Metadata { is_absent: true } => {
                out.write_str("the page of zeros that stands for metadata of pages that do not exist")
            }
            What::Table(place) => {
                let entry = address.as_usize() % 4096 / 8;
                write!(
                    out,
                    "entry {entry} of a page table of level {}, for addresses from {:#x} on",
                    place.level, place.first
                )
            }
            What::FilePage(number) => write!(out, "in page {number} of those of files and pipes"),
            What::Taken => match run.as_ref().and_then(|run| run.purpose) {
                Some(purpose) => write!(out, "in pages that are taken: {}", purpose.name()),
                None => out.write_str("in pages that are taken, for an unknown purpose"),
            },
            What::FreePage => out.write_str("in a free page"),
            What::FirstPage => out.write_str("in the first page, which is the firmware's"),
            What::FromLoader => {
                out.write_str("what the boot loader left: boot information, modules, symbols")
            }
            What::Reserved(kind) => write!(out, "no memory of the kernel's: {}", region_name(*kind)),
            What::NoMemory => out.write_str("no memory that the firmware names"),
            What::Unknown(lock) => write!(out, "not known: the lock of {lock} is held"),
        }
    }
}

fn write_image(address: VAddr, section: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    if image::text().contains(&address) {
        return write!(out, "code: {}", Instruction(address));
    }
    match variable(address) {
        Some(variable) => write!(out, "variable {variable}, in {section}"),
        None => write!(out, "in the image: {section}"),
    }
}

fn write_block(block: &Block, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Block { life, at: address, allocated_by, freed_by } = block;
    let (start, size_bytes) = (life.block.address(), life.block.size_bytes());
    let address = *address;
    let (distance, side) = if address < start {
        (start - address, "before the start of")
    } else if life.contains(address) {
        (address - start, "into")
    } else {
        (address - start - size_bytes, "past the end of")
    };
    let state = match life.state {
        BlockState::Live => "live block",
        BlockState::Quarantined => "block in quarantine",
        BlockState::Freed => "freed block",
    };
    write!(out, "{distance} bytes {side} the {state} {start:#x} of {size_bytes} bytes")?;
    write_event(", allocated", &life.block, *allocated_by, out)?;
    match &life.free {
        Some(free) => write_event(", freed", free, *freed_by, out),
        None => Ok(()),
    }
}

/// Time and place of an event.
fn write_event(
    word: &str,
    record: &Record,
    caller: Option<VAddr>,
    out: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(out, "{word} at {} s", Seconds(tracker().platform().stamp_to_ns(record.stamp())))?;
    match caller {
        Some(caller) => write!(out, " by {}", ReturnAddress(caller)),
        None => Ok(()),
    }
}

fn region_name(kind: RegionKind) -> &'static str {
    match kind {
        RegionKind::Usable => "RAM",
        RegionKind::AcpiTables => "ACPI tables",
        RegionKind::AcpiStorage => "ACPI storage",
        RegionKind::Defective => "defective",
        RegionKind::Reserved => "reserved by the firmware",
    }
}
