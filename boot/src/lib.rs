//! From the boot loader into the kernel.
//!
//! Two halves. The assembly (`header.s`, `entry.s`) carries the machine from GRUB's protected mode into the
//! higher half and calls `tally_main`, which the kernel defines. [`BootInfo::read`] turns the boot
//! information that GRUB left in memory into plain data that refers to nothing: the loader's memory can be
//! reused, and whatever the loader wrote, parsing answers `Ok` or [`BootError`] and never panics.
#![cfg_attr(not(test), no_std)]

mod command_line;
mod early;
mod error;
mod framebuffer;
mod info;
mod left_out;
mod memory_map;
mod ram;
mod tags;
mod usable;

#[cfg(target_os = "none")]
mod entry;

#[cfg(test)]
mod tests;

pub use command_line::{CommandLine, LeftOutWords, MAX_COMMAND_LINE_BYTES};
pub use early::EarlyFrames;
#[cfg(target_os = "none")]
pub use entry::read_boot_information;
pub use error::BootError;
pub use framebuffer::{Framebuffer, PixelField};
pub use info::{BootInfo, ElfSection, SectionPlace};
pub use left_out::LeftOut;
pub use memory_map::{FRAME_SIZE_BYTES, MemoryRegion, PhysicalRange, RegionKind};
pub use ram::RamUse;
pub use usable::REACH_END;
pub use x86::bits64::paging::PAddr;
