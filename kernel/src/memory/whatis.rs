//! What an address is: the one answer behind `whatis`, and behind the lines that reports of crashes add.
//!
//! It asks, from the outside in: the layout of the address space and the page tables (crate `whatis`), then who owns the
//! page, then the heap's tracker. Nothing here waits for a lock or takes memory: where a lock is held, the answer says so.

use core::ops::Range;
use core::ptr::NonNull;

use boot::{BootInfo, RegionKind};
use memstat::{Backend, BlockLife, Location, Record};
use spin::Once;
use tally_heap::PAGE_BYTES;
use whatis::{Hole, Mapping, TablePlace, Window};

use super::heap::tracker;
use super::page_owners::{PageOwner, try_owner_of};
use super::{Purpose, page_accounting};
use crate::arch::paging::{DeviceMapping, sparse, tables};
use crate::arch::{PAddr, VAddr, direct_map, image, size_bytes, stacks};

static BOOT_INFO: Once<&'static BootInfo> = Once::new();

/// Keeps the memory map.
pub(super) fn start(info: &'static BootInfo) {
    BOOT_INFO.call_once(|| info);
}

/// The answer about an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// The virtual address of the byte: of one in RAM that was asked for by its physical address, that in the direct map.
    pub(crate) address: VAddr,
    /// Its physical address, if there is one.
    pub(crate) physical: Option<PAddr>,
    /// The page that maps the virtual address.
    pub(crate) mapping: Option<Mapping>,
    /// What it is.
    pub(crate) what: What,
    /// The run of pages that it lies in, and who has taken that.
    pub(crate) run: Option<PageOwner>,
}

/// What an address is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// Bits 48 and up are not copies of bit 47.
    NotCanonical,
    /// In the lower half, where nothing is mapped.
    LowerHalf,
    /// Not mapped, like all addresses around it.
    Unmapped(Hole),
    /// A part of the kernel's image, by its name.
    Image(&'static str),
    /// In a stack.
    Stack(StackPlace),
    /// In the page below this stack that must not be accessed.
    StackGuard(&'static str),
    /// A block of the heap, live or freed, or the bytes around it that are its own.
    Block(Block),
    /// Memory of the heap in which no block is known.
    Heap(HeapPlace),
    /// A guard page beside sampled blocks, or a slot that has no block.
    SampledGuard,
    /// A device's memory or registers, or a table of the firmware.
    Device(DeviceMapping),
    /// Metadata of pages; of none if `is_absent`.
    Metadata {
        /// Whether no such pages exist.
        is_absent: bool,
    },
    /// A page table.
    Table(TablePlace),
    /// A page of a file system or of a pipe, by its number.
    FilePage(usize),
    /// A page in use for something else; see the run.
    Taken,
    /// A free page.
    FreePage,
    /// The first page, which the firmware uses and the kernel does not.
    FirstPage,
    /// Usable memory that the boot loader has filled: boot information, modules, symbols.
    FromLoader,
    /// Memory that is not the kernel's.
    Reserved(RegionKind),
    /// A physical address without memory, or without any that the firmware names.
    NoMemory,
    /// Not known, as this lock is held.
    Unknown(&'static str),
}

/// A block of the heap, and who asked for it and freed it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// The block.
    pub(crate) life: BlockLife,
    /// The address that was asked for, among those of the block: a sampled one has an address of its own.
    pub(crate) at: usize,
    /// The return address of the call that allocated it, if that is known.
    pub(crate) allocated_by: Option<VAddr>,
    /// The same of its free.
    pub(crate) freed_by: Option<VAddr>,
}

impl Block {
    fn of(life: BlockLife, at: VAddr) -> Self {
        let first = |record: &Record| {
            let stack = tracker().stacks().get(record.stack());
            stack.and_then(|stack| stack.frames().first().copied()).map(VAddr::from_usize)
        };
        // Without a call stack the two innermost return addresses may be known, which may be the allocator's own.
        let is_caller = |address: &VAddr| *address != VAddr::zero() && !image::is_allocator_text(*address);
        let caller = life.free_callers.into_iter().map(VAddr::from_usize).find(is_caller);
        let freed_by = life.free.as_ref().and_then(first).or(caller);
        Self { life, at: at.as_usize(), allocated_by: first(&life.block), freed_by }
    }
}

/// A place in a stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackPlace {
    /// The stack.
    pub(crate) name: &'static str,
    /// Bytes below its start, which is its highest address.
    pub(crate) depth_bytes: usize,
    /// Its size.
    pub(crate) size_bytes: usize,
}

/// What the backend knows of memory in which the tracker knows no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeapPlace {
    /// A free block.
    Free,
    /// A live block that is not recorded.
    NotRecorded,
    /// Between blocks: the heap's own.
    Own,
}

const STACK_NAMES: [&str; 5] = [
    "main stack",
    "stack of guarded calls",
    "stack of double faults",
    "stack of non-maskable interrupts",
    "stack of machine checks",
];

impl Answer {
    /// About a virtual address.
    pub(crate) fn of_virtual(address: VAddr) -> Self {
        let translated = tables::with_tables(|tables| whatis::translate(tables, address.as_u64()));
        let mapping = translated.and_then(Result::ok);
        let physical = mapping.map(|mapping| PAddr(mapping.physical));
        let answer = Self { address, physical, mapping, what: What::LowerHalf, run: None };
        let in_window = |physical, what| Self { physical, what, ..answer };
        match tables::layout().window(address.as_u64()) {
            Window::NotCanonical => in_window(None, What::NotCanonical),
            Window::LowerHalf => answer,
            Window::Image { physical } => in_window(Some(PAddr(physical)), of_image(address)),
            Window::DirectMap { physical } if mapping.is_some() || translated.is_none() => {
                Self { mapping, ..Self::of_ram(PAddr(physical)) }
            }
            Window::Devices if mapping.is_some() => in_window(physical, of_device_window(address)),
            Window::Sampled => in_window(physical, of_sampled(address)),
            Window::Metadata if mapping.is_some() => in_window(physical, of_metadata(address)),
            _ => in_window(
                None,
                match translated {
                    Some(Err(hole)) => What::Unmapped(hole),
                    _ => What::Unknown("the address space"),
                },
            ),
        }
    }

    /// About a physical address.
    pub(crate) fn of_physical(physical: PAddr) -> Self {
        let first = |device: &DeviceMapping| device.physical..device.physical + device.size_bytes;
        let device = tables::find_device(|device| first(device).contains(&physical));
        let alias = device.map(|device| device.start + (physical - device.physical).as_u64());
        match (region_of(physical), device, alias) {
            (Some(RegionKind::Usable), ..) => Self::of_ram(physical),
            (_, Some(device), Some(address)) => {
                Self { what: What::Device(device), physical: Some(physical), ..Self::of_virtual(address) }
            }
            (region, ..) => {
                let what = region.map_or(What::NoMemory, What::Reserved);
                let alias = Self::of_virtual(direct_map::to_virtual(physical)).mapping;
                let address = alias.map_or(VAddr::zero(), |_| direct_map::to_virtual(physical));
                Self { address, physical: Some(physical), mapping: alias, what, run: None }
            }
        }
    }

    /// Whether there is something at the address.
    pub(crate) fn is_something(&self) -> bool {
        !matches!(self.what, What::NotCanonical | What::LowerHalf | What::Unmapped(_) | What::NoMemory)
    }

    /// About a byte of RAM, which may be no memory of the kernel's.
    fn of_ram(physical: PAddr) -> Self {
        let address = direct_map::to_virtual(physical);
        let mapping =
            tables::with_tables(|tables| whatis::translate(tables, address.as_u64()).ok()).flatten();
        let run = try_owner_of(address);
        let what = what_of_ram(physical, run.as_ref());
        Self { address, physical: Some(physical), mapping, what, run }
    }
}

fn what_of_ram(physical: PAddr, run: Option<&PageOwner>) -> What {
    let address = direct_map::to_virtual(physical);
    let page = physical.align_down_to_base_page();
    if let Some(run) = run {
        return match run.purpose {
            Some(Purpose::Heap) => of_heap(address),
            Some(Purpose::GuardPages) => of_sampled_page(physical),
            Some(Purpose::PageTables) => table_at(page).map_or(What::Taken, What::Table),
            Some(Purpose::Files | Purpose::Buffers) => file_page(address).map_or(What::Taken, What::FilePage),
            _ => What::Taken,
        };
    }
    let whole = image::physical_range(&image::whole());
    if (whole.start()..whole.end()).contains(&physical) {
        return of_image(image::whole().start + (physical - whole.start()).as_u64());
    }
    match region_of(physical) {
        Some(RegionKind::Usable) => {}
        Some(kind) => return What::Reserved(kind),
        None => return What::NoMemory,
    }
    if page == PAddr::zero() {
        return What::FirstPage;
    }
    if !is_managed(page) {
        return What::FromLoader;
    }
    // What the boot took before there were frames.
    if let Some(place) = table_at(page) {
        return What::Table(place);
    }
    let metadata = tables::layout().metadata;
    let is_metadata = tables::with_tables(|tables| whatis::find_page(tables, &metadata, page.as_u64()));
    match is_metadata {
        None => What::Unknown("the address space"),
        Some(Some(_)) => What::Metadata { is_absent: tables::is_page_of_zeros(page) },
        Some(None) => What::FreePage,
    }
}

fn region_of(physical: PAddr) -> Option<RegionKind> {
    let regions = &BOOT_INFO.get()?.regions;
    let region = regions.iter().find(|region| (region.range.start()..region.range.end()).contains(&physical));
    region.map(|region| region.kind)
}

fn of_image(address: VAddr) -> What {
    for (stack, name) in stacks::all().zip(STACK_NAMES) {
        if stack.contains(&address) {
            return What::Stack(StackPlace {
                name,
                depth_bytes: (stack.end - address).as_usize(),
                size_bytes: size_bytes(&stack),
            });
        }
        if (stack.start - PAGE_BYTES..stack.start).contains(&address) {
            return What::StackGuard(name);
        }
    }
    let sections: [(Range<VAddr>, &str); 5] = [
        (image::header(), "header"),
        (image::text(), "code"),
        (image::rodata(), "constants"),
        (image::data(), "variables"),
        (image::bss(), "zeroed variables"),
    ];
    let section = sections.into_iter().find(|(section, _)| section.contains(&address));
    What::Image(section.map_or("end of a section", |(_, name)| name))
}

/// An address in pages of the heap.
fn of_heap(address: VAddr) -> What {
    match tracker().blocks().try_life_at(address.as_usize()) {
        Ok(Some(life)) => What::Block(Block::of(life, address)),
        Ok(None) => {
            let place = tracker().with_backend(|heap| heap.locate(address.as_usize()));
            What::Heap(match place {
                Some(Location::Free { .. }) => HeapPlace::Free,
                Some(Location::Live { .. }) => HeapPlace::NotRecorded,
                _ => HeapPlace::Own,
            })
        }
        Err(_) => What::Unknown("the tracker of the heap"),
    }
}

/// An address in the window of sampled blocks.
fn of_sampled(address: VAddr) -> What {
    match tracker().blocks().try_life_at(address.as_usize()) {
        Ok(life) => life.map_or(What::SampledGuard, |life| What::Block(Block::of(life, address))),
        Err(_) => What::Unknown("the tracker of the heap"),
    }
}

/// A page that the window of sampled blocks maps, by its physical address.
fn of_sampled_page(physical: PAddr) -> What {
    let window = tables::layout().sampled;
    let page = physical.align_down_to_base_page();
    let alias = tables::with_tables(|tables| whatis::find_page(tables, &window, page.as_u64())).flatten();
    alias.map_or(What::Taken, |alias| of_sampled(VAddr(alias + physical.base_page_offset())))
}

fn of_device_window(address: VAddr) -> What {
    let span = |device: &DeviceMapping| device.start..device.start + device.size_bytes;
    let device = tables::find_device(|device| span(device).contains(&address));
    device.map_or(What::Unknown("the address space"), What::Device)
}

fn of_metadata(address: VAddr) -> What {
    let frame = tables::with_tables(|tables| whatis::translate(tables, address.as_u64()).ok()).flatten();
    let frame = frame.map(|mapping| PAddr(mapping.physical).align_down_to_base_page());
    What::Metadata {
        is_absent: frame.is_some_and(tables::is_page_of_zeros) && address >= sparse::SPARSE_WINDOW,
    }
}

fn table_at(page: PAddr) -> Option<TablePlace> {
    tables::with_tables(|tables| whatis::find_table(tables, page.as_u64())).flatten()
}

/// Whether a page is one of those that the frames manage, or that the boot took of them.
fn is_managed(page: PAddr) -> bool {
    number_of(direct_map::to_virtual(page)).is_some()
}

/// The number of a managed page.
fn number_of(page: VAddr) -> Option<usize> {
    page_accounting::number_of(NonNull::new(page.as_mut_ptr())?)
}

/// The number of the page of a file or pipe that an address lies in.
fn file_page(address: VAddr) -> Option<usize> {
    let number = number_of(address.align_down_to_base_page())?;
    super::pages::files::is_owned(number).then_some(number)
}
