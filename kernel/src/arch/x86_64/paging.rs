//! Page tables: the direct map of all usable RAM, the kernel's image section by section, and windows for devices, for
//! guarded pages, and for the metadata of pages.
//!
//! Every page is writable or executable, never both, and code and constants are not writable through the direct map
//! either; page 0, the lower half and the guard pages below the stacks are not mapped at all. Source: Intel SDM vol.
//! 3A, section 4.5 (4-level paging).

use core::ops::Range;
use core::ptr::NonNull;

use arrayvec::ArrayVec;
use boot::{MemoryRegion, PhysicalRange, RegionKind};
use x86::controlregs::cr3_write;

#[cfg(feature = "lab")]
pub(crate) mod rights;
pub(crate) mod sparse;
pub(crate) mod tables;
pub(crate) mod window;

use super::cpu::IrqLock;
use super::{PAddr, VAddr, cpu, direct_map, image, stacks};

/// The boot page tables map memory up to here.
pub(crate) const BOOT_MAP_END: PAddr = PAddr(1 << 32);
/// Devices are mapped from here on.
const DEVICE_WINDOW: VAddr = VAddr(0xffff_c000_0000_0000);
pub(crate) const DEVICE_WINDOW_BYTES: usize = 1 << 30;
/// Maximum number of mappings of devices.
pub(crate) const MAX_DEVICE_MAPPINGS: usize = 64;

const PAGE_BYTES: u64 = 4096;
const ENTRIES: usize = 512;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const CACHE_DISABLED: u64 = 1 << 4;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

type Table = [u64; ENTRIES];

/// Where frames for tables come from: physical addresses inside the direct map.
pub(crate) type FrameSource<'a> = &'a mut dyn FnMut() -> Option<PAddr>;

/// Why an address space could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfFrames;

/// The kernel's address space.
#[derive(Debug)]
struct AddressSpace {
    top: PAddr,
    absent: sparse::Absent,
    device_bytes: usize,
    devices: ArrayVec<DeviceMapping, MAX_DEVICE_MAPPINGS>,
    /// Pages of the direct map by size: 4 KiB, 2 MiB, 1 GiB.
    direct_pages: [usize; 3],
}

/// A device's memory in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceMapping {
    /// Its first page.
    pub(crate) start: VAddr,
    /// Length in whole pages.
    pub(crate) size_bytes: usize,
    /// The first page's physical address.
    pub(crate) physical: PAddr,
    /// The return address in the function that asked for the mapping.
    pub(crate) caller: VAddr,
}

static SPACE: IrqLock<AddressSpace> = IrqLock::new(AddressSpace {
    top: PAddr(0),
    absent: [0; 3],
    device_bytes: 0,
    devices: ArrayVec::new_const(),
    direct_pages: [0; 3],
});

/// Builds the kernel's address space and switches to it. It maps the RAM below [`BOOT_MAP_END`], usable or in use.
pub(crate) fn init(regions: &[MemoryRegion], frames: FrameSource<'_>) -> Result<(), OutOfFrames> {
    let mut space = SPACE.lock();
    space.top = frames().ok_or(OutOfFrames)?;
    clear(space.top);
    let is_ram =
        |region: &&MemoryRegion| !matches!(region.kind, RegionKind::Reserved | RegionKind::Defective);
    for region in regions.iter().filter(is_ram) {
        let end = region.range.end().min(BOOT_MAP_END) + (PAGE_BYTES - 1);
        let [start, end] = [region.range.start(), end].map(PAddr::align_down_to_base_page);
        space.map_ram(PhysicalRange::new(start, end), frames)?;
    }
    for (section, flags) in [
        (image::header(), NO_EXECUTE),
        (image::text(), 0),
        (image::rodata(), NO_EXECUTE),
        (image::data(), NO_EXECUTE | WRITABLE),
        (image::bss(), NO_EXECUTE | WRITABLE),
    ] {
        space.map_section(section, flags, frames)?;
    }
    // SAFETY: the new tables map the running code, its stack and data at the same addresses as before, and
    // all RAM at the direct map, through which tables are reached.
    unsafe { cr3_write(space.top.as_u64()) };
    Ok(())
}

/// Adds whole pages of RAM to the direct map.
pub(crate) fn map_ram(range: PhysicalRange, frames: FrameSource<'_>) -> Result<(), OutOfFrames> {
    SPACE.lock().map_ram(range, frames)
}

/// Maps a device's memory, uncached, and returns its address; it is never unmapped. Memory that is mapped already is not
/// mapped again. `caller` is the return address of the requester. `None` if window, list or frames are used up.
pub(crate) fn map_device(
    physical: PAddr,
    size_bytes: usize,
    caller: VAddr,
    frames: FrameSource<'_>,
) -> Option<NonNull<u8>> {
    let mut space = SPACE.lock();
    let first = physical.align_down_to_base_page();
    let offset = physical.base_page_offset();
    let span = offset.checked_add(size_bytes as u64)?.checked_next_multiple_of(PAGE_BYTES)? as usize;
    // Firmware tables are adjacent, and some are read repeatedly.
    let has_all = |known: &&DeviceMapping| {
        known.physical <= first
            && first.as_u64() - known.physical.as_u64() + span as u64 <= known.size_bytes as u64
    };
    if let Some(known) = space.devices.iter().find(has_all) {
        return NonNull::new((known.start + (physical - known.physical).as_u64()).as_mut_ptr());
    }
    if space.devices.is_full() || space.device_bytes.checked_add(span)? > DEVICE_WINDOW_BYTES {
        return None;
    }
    let start = DEVICE_WINDOW + space.device_bytes;
    for offset in (0..span).step_by(PAGE_BYTES as usize) {
        let flags = WRITABLE | NO_EXECUTE | CACHE_DISABLED;
        space.map(start + offset, first + offset, Size::Page, flags, frames).ok()?;
    }
    space.device_bytes += span;
    space.devices.push(DeviceMapping { start, size_bytes: span, physical: first, caller });
    NonNull::new((start + offset).as_mut_ptr())
}

/// The mapping of a device, by its number.
pub(crate) fn device_mapping(number: usize) -> Option<DeviceMapping> {
    SPACE.lock().devices.get(number).copied()
}

/// Bytes of the direct map that are mapped by pages of 4 KiB, 2 MiB and 1 GiB.
pub(crate) fn direct_map_bytes() -> [u64; 3] {
    let [pages, mib2, gib1] = SPACE.lock().direct_pages.map(|pages| pages as u64);
    [pages * Size::Page.bytes(), mib2 * Size::Mib2.bytes(), gib1 * Size::Gib1.bytes()]
}

/// Whether all pages of a range of addresses are mapped.
pub(crate) fn is_mapped(range: Range<VAddr>) -> bool {
    all_entries(range, |_| true)
}

/// Whether all pages of a range of addresses are mapped writable.
pub(crate) fn is_writable(range: Range<VAddr>) -> bool {
    all_entries(range, |entry| entry & WRITABLE != 0)
}

fn all_entries(range: Range<VAddr>, is_good: impl Fn(u64) -> bool) -> bool {
    let space = SPACE.lock();
    let first = range.start.align_down_to_base_page();
    let mut pages = (first.as_u64()..range.end.as_u64()).step_by(PAGE_BYTES as usize).map(VAddr);
    range.start < range.end && pages.all(|page| space.leaf(page).is_some_and(&is_good))
}

/// Sizes of a mapping, by the level of the table that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Page,
    Mib2,
    Gib1,
}

impl Size {
    fn bytes(self) -> u64 {
        match self {
            Self::Page => PAGE_BYTES,
            Self::Mib2 => PAGE_BYTES << 9,
            Self::Gib1 => PAGE_BYTES << 18,
        }
    }

    /// The lowest bit of the table index at this level.
    fn shift(self) -> u32 {
        self.bytes().trailing_zeros()
    }
}

fn table(frame: PAddr) -> *mut Table {
    direct_map::to_virtual(frame).as_mut_ptr()
}

fn clear(frame: PAddr) {
    // SAFETY: a frame for a table is free RAM inside the direct map.
    unsafe { table(frame).write([0; ENTRIES]) };
}

fn index(address: VAddr, shift: u32) -> usize {
    (address.as_usize() >> shift) % ENTRIES
}

/// The entry `number` of a table of the space. Called with the space locked.
fn read_entry(frame: PAddr, number: usize) -> u64 {
    // SAFETY: `frame` is a table of the space; the lock keeps others away.
    unsafe { (*table(frame))[number] }
}

fn set_entry(frame: PAddr, number: usize, entry: u64) {
    // SAFETY: as for `read_entry`.
    unsafe { (&raw mut (*table(frame))[number]).write(entry) };
}

impl AddressSpace {
    fn map(
        &mut self,
        address: VAddr,
        physical: PAddr,
        size: Size,
        flags: u64,
        frames: FrameSource<'_>,
    ) -> Result<(), OutOfFrames> {
        let mut frame = self.top;
        let mut shift = 39;
        while shift > size.shift() {
            let number = index(address, shift);
            let mut next = read_entry(frame, number);
            if next & PRESENT == 0 {
                let fresh = frames().ok_or(OutOfFrames)?;
                clear(fresh);
                next = fresh.as_u64() | PRESENT | WRITABLE;
                set_entry(frame, number, next);
            } else if next & LARGE != 0 {
                // The memory map has the same RAM twice; the larger page covers it.
                return Ok(());
            }
            frame = PAddr(next & ADDRESS);
            shift -= 9;
        }
        let large = if size == Size::Page { 0 } else { LARGE };
        let is_new = read_entry(frame, index(address, shift)) & PRESENT == 0;
        if is_new && (direct_map::START..DEVICE_WINDOW).contains(&address) {
            self.direct_pages[size as usize] += 1;
        }
        set_entry(frame, index(address, shift), physical.as_u64() | flags | large | PRESENT);
        Ok(())
    }

    fn map_ram(&mut self, range: PhysicalRange, frames: FrameSource<'_>) -> Result<(), OutOfFrames> {
        let has_gib_pages = cpu::has_gib_pages();
        // Read-only parts of the image are read-only in the direct map as well.
        let fixed =
            image::physical(image::whole().start).as_u64()..image::physical(image::data().start).as_u64();
        let (mut at, range_end) = (range.start().as_u64(), range.end().as_u64());
        while at < range_end {
            let fits = |size: Size| {
                let end = at + size.bytes();
                let is_apart = end <= fixed.start || at >= fixed.end;
                at.is_multiple_of(size.bytes()) && end <= range_end && is_apart
            };
            let size = if has_gib_pages && fits(Size::Gib1) {
                Size::Gib1
            } else if fits(Size::Mib2) {
                Size::Mib2
            } else {
                Size::Page
            };
            let rights = if fixed.contains(&at) { 0 } else { WRITABLE };
            self.map(direct_map::to_virtual(PAddr(at)), PAddr(at), size, rights | NO_EXECUTE, frames)?;
            at += size.bytes();
        }
        Ok(())
    }

    fn map_section(
        &mut self,
        section: Range<VAddr>,
        flags: u64,
        frames: FrameSource<'_>,
    ) -> Result<(), OutOfFrames> {
        let addresses = section.start.as_u64()..section.end.as_u64();
        for address in addresses.step_by(PAGE_BYTES as usize).map(VAddr) {
            if !stacks::is_guard(address) {
                self.map(address, image::physical(address), Size::Page, flags, frames)?;
            }
        }
        Ok(())
    }

    /// The entry that maps `address`.
    fn leaf(&self, address: VAddr) -> Option<u64> {
        let mut frame = self.top;
        let mut shift = 39;
        loop {
            let entry = read_entry(frame, index(address, shift));
            if entry & PRESENT == 0 {
                return None;
            }
            if shift == 12 || entry & LARGE != 0 {
                return Some(entry);
            }
            frame = PAddr(entry & ADDRESS);
            shift -= 9;
        }
    }
}
