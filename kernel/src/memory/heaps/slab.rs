//! `heap=slab`, the default: size classes over pages.
//!
//! Small blocks come from slabs: runs of pages cut into blocks of one size, with a bit a block that says
//! whether it is free. The bits lie in a descriptor apart from the blocks, so a write past a block's end or
//! after its free never damages the allocator. Slabs with a free block are on their class' list; empty ones
//! go back to the pages, but for the last of a class. Larger blocks are whole runs of pages.

use core::alloc::Layout;
use core::num::NonZeroU64;
use core::ptr::{NonNull, null_mut};

use memstat::{Backend, Live, Location};

use super::PageSource;
use super::descriptors::Descriptors;
use super::page_map::{PageMap, PageUse, PageWords};
use super::runs::{self, Runs};
use crate::memory::frames::PAGE_BYTES;

/// Bytes of a block, by class.
static CLASS_BYTES: [u16; CLASSES] = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
/// Orders of the slabs' pages, chosen so that at most an eighth of a slab is left over.
static CLASS_ORDERS: [u8; CLASSES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2];
const CLASSES: usize = 14;
const MOST_CLASS_BYTES: usize = 2048;
const WORDS: usize = 4;
/// The span of a class' first slab: all its frees are quick.
const ALL_QUICK: u16 = u16::MAX;

/// Stands first where a class has no slab with a free block: so the fast path need not ask for one. It is only
/// read, and of it only that it has no free block.
static NO_SLAB: SlabDescriptor = SlabDescriptor {
    free: [0; WORDS],
    start: 0,
    next: null_mut(),
    previous: null_mut(),
    free_blocks: 0,
    class: 0,
    word: 0,
    quick_span: 0,
};

// SAFETY: descriptors are changed only through a heap, which has one user at a time; `NO_SLAB` never is.
unsafe impl Sync for SlabDescriptor {}

/// The class of a size in units of 16 bytes, rounded up.
static CLASS_OF: [u8; MOST_CLASS_BYTES / 16 + 1] = {
    let mut table = [0; MOST_CLASS_BYTES / 16 + 1];
    let mut unit = 0;
    let mut class = 0;
    while unit < table.len() {
        if unit * 16 > CLASS_BYTES[class] as usize {
            class += 1;
        }
        table[unit] = class as u8;
        unit += 1;
    }
    table
};

/// A slab: where it lies, and which of its blocks are free.
#[derive(Debug)]
#[repr(C)]
pub(super) struct SlabDescriptor {
    /// Bit i is set while block i is free, and if there is no such block.
    free: [u64; WORDS],
    start: usize,
    next: *mut SlabDescriptor,
    previous: *mut SlabDescriptor,
    free_blocks: u16,
    class: u8,
    /// The word of `free` that blocks are taken from.
    word: u8,
    /// A free is quick while one less than the free blocks are fewer than this: neither the first free block,
    /// which puts the slab on the list, nor the last, which takes it off and gives it back.
    quick_span: u16,
}

impl SlabDescriptor {
    /// Takes the first free block of the present word; `None` if it has none.
    #[inline]
    fn take(&mut self, class: &mut ClassState) -> Option<NonNull<[u8]>> {
        let word = usize::from(self.word);
        // SAFETY: `word` is 0 or was found among these words.
        let free = unsafe { self.free.get_unchecked_mut(word) };
        let bits = NonZeroU64::new(*free)?;
        let number = word * 64 + bits.trailing_zeros() as usize;
        if number >= class.blocks_per_slab {
            return None;
        }
        *free = bits.get() & (bits.get() - 1);
        self.free_blocks -= 1;
        class.live_blocks += 1;
        let block = (self.start + number * class.block_bytes) as *mut u8;
        // SAFETY: a slab lies in memory, not at address 0.
        let block = unsafe { NonNull::new_unchecked(block) };
        Some(NonNull::slice_from_raw_parts(block, class.block_bytes))
    }

    /// Marks the block at `address` as free; `None` if no block of this slab that is handed out starts there.
    #[inline]
    fn give(&mut self, class: &ClassState, address: usize) -> Option<()> {
        let (number, is_start) = class.block_number(address - self.start);
        // SAFETY: the address lies in the slab, which has at most 64 blocks a word.
        let bits = unsafe { self.free.get_unchecked_mut(number / 64) };
        if !is_start || *bits >> (number % 64) & 1 != 0 {
            return None;
        }
        *bits |= 1 << (number % 64);
        Some(())
    }
}

/// A size class at work.
#[derive(Debug)]
#[repr(C, align(64))]
struct ClassState {
    /// The slabs with a free block, or [`NO_SLAB`]. Blocks are taken from the first, which stays even when it is
    /// empty.
    partial: *mut SlabDescriptor,
    /// Blocks handed out.
    live_blocks: usize,
    slabs: usize,
    block_bytes: usize,
    blocks_per_slab: usize,
    /// 2^32 over the size, rounded up: exact for offsets in a slab, which are below 2^16.
    reciprocal: usize,
}

impl ClassState {
    const fn new(class: usize) -> Self {
        let block_bytes = CLASS_BYTES[class] as usize;
        let blocks_per_slab = (PAGE_BYTES << CLASS_ORDERS[class]) / block_bytes;
        Self {
            partial: (&raw const NO_SLAB).cast_mut(),
            live_blocks: 0,
            slabs: 0,
            block_bytes,
            blocks_per_slab,
            reciprocal: (1_usize << 32).div_ceil(block_bytes),
        }
    }

    /// Takes blocks from `slab` from now on; it may be null.
    ///
    /// # Safety
    ///
    /// It is the first of the class' list, or there is none.
    unsafe fn make_first(&mut self, slab: *mut SlabDescriptor) {
        // SAFETY: slabs on the list are live.
        match unsafe { slab.as_mut() } {
            Some(slab) => {
                slab.quick_span = ALL_QUICK;
                self.partial = slab;
            }
            None => self.partial = (&raw const NO_SLAB).cast_mut(),
        }
    }

    /// The first slab with a free block; null if there is none.
    fn first(&self) -> *mut SlabDescriptor {
        if core::ptr::eq(self.partial, &raw const NO_SLAB) { null_mut() } else { self.partial }
    }

    /// Which block of its slab lies `offset` bytes behind the slab's start, and whether it starts there.
    ///
    /// Source: Lemire, Kaser, Kurz, Faster remainder by direct computation (2019): the product's upper half is
    /// the quotient, and its lower half is below the reciprocal when the remainder is zero.
    #[inline]
    fn block_number(&self, offset: usize) -> (usize, bool) {
        let product = offset * self.reciprocal;
        (product >> 32, product & 0xffff_ffff < self.reciprocal)
    }
}

/// What is known of a size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// Bytes of a block.
    pub(crate) block_bytes: usize,
    /// Blocks of a slab.
    pub(crate) blocks_per_slab: usize,
    /// Pages of a slab.
    pub(crate) pages_per_slab: usize,
    /// Blocks handed out.
    pub(crate) live_blocks: usize,
    /// Slabs, whether full or not.
    pub(crate) slabs: usize,
}

/// The heap.
#[derive(Debug)]
pub(crate) struct Slab<S> {
    classes: [ClassState; CLASSES],
    descriptors: Descriptors,
    map: PageMap<SlabDescriptor>,
    source: S,
    runs: Runs,
}

// SAFETY: everything behind the pointers belongs to this heap alone.
unsafe impl<S: Send> Send for Slab<S> {}

/// Pages in a slab of a class.
fn pages_per_slab(class: usize) -> usize {
    1 << CLASS_ORDERS[class]
}

/// How a layout is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Class(usize),
    Pages { order: u32 },
}

#[inline]
fn service(layout: Layout) -> Option<Service> {
    // Blocks lie at multiples of their class' size from a page's start, so a size that is a power of two and
    // at least the alignment is aligned enough.
    let size_bytes = if layout.align() <= 16 {
        layout.size()
    } else {
        layout.size().max(layout.align()).checked_next_power_of_two()?
    };
    if size_bytes <= MOST_CLASS_BYTES {
        return Some(Service::Class(usize::from(CLASS_OF[size_bytes.div_ceil(16)])));
    }
    Some(Service::Pages { order: runs::order_for(layout)? })
}

impl<S: PageSource> Slab<S> {
    /// An empty heap over `source`. `words` cover every page that the source may give.
    pub(crate) fn new(source: S, words: PageWords) -> Self {
        Self {
            classes: core::array::from_fn(ClassState::new),
            descriptors: Descriptors::new(),
            map: PageMap::new(words),
            source,
            runs: Runs::default(),
        }
    }

    /// The class `number`, from the smallest blocks up.
    pub(crate) fn class(&self, number: usize) -> Option<Class> {
        let class = self.classes.get(number)?;
        Some(Class {
            block_bytes: class.block_bytes,
            blocks_per_slab: class.blocks_per_slab,
            pages_per_slab: pages_per_slab(number),
            live_blocks: class.live_blocks,
            slabs: class.slabs,
        })
    }

    /// Pages in slabs and their descriptors.
    pub(crate) fn shared_pages(&self) -> usize {
        let slabs = self.classes.iter().enumerate();
        slabs.map(|(class, have)| have.slabs * pages_per_slab(class)).sum::<usize>()
            + self.descriptors.page_count()
    }

    /// Pages in blocks too large for a class.
    pub(crate) fn large_pages(&self) -> usize {
        self.runs.pages()
    }

    /// Where the pages come from.
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    #[cold]
    #[inline(never)]
    fn allocate_pages(&mut self, order: u32) -> Option<NonNull<[u8]>> {
        self.runs.allocate(order, &mut self.map, &mut self.source)
    }

    /// # Safety
    ///
    /// As for [`Backend::deallocate_unsized`].
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_pages(&mut self, block: NonNull<u8>) -> Option<usize> {
        // SAFETY: handed on to the caller.
        unsafe { self.runs.deallocate(block, &mut self.map, &mut self.source) }
    }

    /// Takes a block of a class that is at hand, if the slab has more than that.
    #[inline]
    fn take_block(&mut self, class: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: a number out of the table of classes, or of one.
        let class = unsafe { self.classes.get_unchecked_mut(class) };
        // SAFETY: slabs on the list are live, and so is what stands for none.
        if unsafe { (*class.partial).free_blocks } <= 1 {
            return None;
        }
        // SAFETY: what stands for none has no free block, so it is a live slab; nobody else refers to it.
        unsafe { &mut *class.partial }.take(class)
    }

    #[inline]
    fn serve(&mut self, service: Service) -> Option<NonNull<[u8]>> {
        match service {
            Service::Class(class) => self.allocate_from_class(class),
            Service::Pages { order } => self.allocate_pages(order),
        }
    }

    /// Gives the slab back that each class keeps even if it is empty; says whether there was one.
    #[cold]
    #[inline(never)]
    fn trim_classes(&mut self) -> bool {
        let mut has_given = false;
        for number in 0..CLASSES {
            let class = &self.classes[number];
            let blocks_per_slab = class.blocks_per_slab;
            // SAFETY: slabs on the list are live.
            let first = NonNull::new(class.first())
                .filter(|slab| usize::from(unsafe { slab.as_ref() }.free_blocks) == blocks_per_slab);
            if let Some(first) = first {
                self.remove_slab(number, first);
                has_given = true;
            }
        }
        has_given
    }

    #[inline]
    fn allocate_from_class(&mut self, class: usize) -> Option<NonNull<[u8]>> {
        if let Some(block) = self.take_block(class) {
            return Some(block);
        }
        self.take_odd_block(class)
    }

    /// Takes the last free block of a slab, the first of its next word, or the first of a new slab.
    #[cold]
    #[inline(never)]
    fn take_odd_block(&mut self, class: usize) -> Option<NonNull<[u8]>> {
        if self.classes[class].first().is_null() {
            self.add_slab(class)?;
        }
        let state = &mut self.classes[class];
        // SAFETY: as in `take_block`.
        let slab = unsafe { &mut *state.partial };
        slab.word = slab.free.iter().position(|bits| *bits != 0)? as u8;
        let block = slab.take(state)?;
        if slab.free_blocks == 0 {
            let slab = core::ptr::from_mut(slab);
            self.unlink(class, slab);
        }
        Some(block)
    }

    #[cold]
    #[inline(never)]
    fn add_slab(&mut self, class: usize) -> Option<NonNull<SlabDescriptor>> {
        let descriptor = self.descriptors.take(&mut self.source)?;
        let Some(pages) = self.source.take(CLASS_ORDERS[class].into()) else {
            // SAFETY: taken just now and not used.
            unsafe { self.descriptors.give(descriptor, &mut self.source) };
            return None;
        };
        let blocks = self.classes[class].blocks_per_slab;
        let start = pages.as_ptr() as usize;
        let slab = SlabDescriptor {
            free: [u64::MAX; WORDS],
            start,
            next: null_mut(),
            previous: null_mut(),
            free_blocks: blocks as u16,
            class: class as u8,
            word: 0,
            quick_span: ALL_QUICK,
        };
        // SAFETY: room for a descriptor, ours alone.
        unsafe { descriptor.write(slab) };
        self.map.set(start, pages_per_slab(class), PageUse::Part(descriptor));
        let class = &mut self.classes[class];
        class.partial = descriptor.as_ptr();
        class.slabs += 1;
        Some(descriptor)
    }

    /// Gives a block back to its slab if that changes no list; says how many bytes it took.
    #[inline]
    fn give_block(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        // SAFETY: the map names live slabs only; nobody else refers to the descriptor.
        let slab = unsafe { &mut *slab.as_ptr() };
        // SAFETY: `add_slab` wrote the number of a class that there is.
        let class = unsafe { self.classes.get_unchecked_mut(usize::from(slab.class)) };
        // 0 - 1 is as large as any span.
        if slab.free_blocks.wrapping_sub(1) >= slab.quick_span {
            return None;
        }
        slab.give(class, address)?;
        slab.free_blocks += 1;
        class.live_blocks -= 1;
        Some(class.block_bytes)
    }

    #[inline]
    fn free_to_slab(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        match self.give_block(slab, address) {
            Some(size_bytes) => Some(size_bytes),
            None => self.give_first_or_last_block(slab, address),
        }
    }

    /// Gives a block back that is the first free one of its slab, or the last; or is none at all.
    #[cold]
    #[inline(never)]
    fn give_first_or_last_block(&mut self, slab: NonNull<SlabDescriptor>, address: usize) -> Option<usize> {
        // SAFETY: as in `give_block`.
        let descriptor = unsafe { &mut *slab.as_ptr() };
        let number = usize::from(descriptor.class);
        let class = &mut self.classes[number];
        descriptor.give(class, address)?;
        descriptor.free_blocks += 1;
        class.live_blocks -= 1;
        let block_bytes = class.block_bytes;
        let is_empty = usize::from(descriptor.free_blocks) == class.blocks_per_slab;
        if descriptor.free_blocks == 1 {
            self.link(number, slab.as_ptr());
        }
        if is_empty && self.classes[number].partial != slab.as_ptr() {
            self.remove_slab(number, slab);
        }
        Some(block_bytes)
    }

    #[cold]
    #[inline(never)]
    fn remove_slab(&mut self, class: usize, slab: NonNull<SlabDescriptor>) {
        self.unlink(class, slab.as_ptr());
        // SAFETY: a live slab of which every block is free.
        let start = unsafe { slab.as_ref() }.start;
        self.map.set(start, pages_per_slab(class), PageUse::None);
        self.classes[class].slabs -= 1;
        // SAFETY: off the list and the map, and none of its blocks is handed out.
        unsafe {
            self.descriptors.give(slab, &mut self.source);
            if let Some(pages) = NonNull::new(start as *mut u8) {
                self.source.give(pages, CLASS_ORDERS[class].into());
            }
        }
    }

    /// Puts a slab on its class' list: behind the first, which stays the one that blocks are taken from.
    #[cold]
    #[inline(never)]
    fn link(&mut self, class: usize, slab: *mut SlabDescriptor) {
        let class = &mut self.classes[class];
        let first = class.first();
        // SAFETY: live descriptors; `slab` was on no list.
        unsafe {
            (*slab).previous = first;
            let Some(first) = first.as_mut() else {
                class.make_first(slab);
                return;
            };
            (*slab).quick_span = class.blocks_per_slab as u16 - 2;
            (*slab).next = core::mem::replace(&mut first.next, slab);
            if let Some(next) = (*slab).next.as_mut() {
                next.previous = slab;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn unlink(&mut self, class: usize, slab: *mut SlabDescriptor) {
        // SAFETY: `slab` is on its class' list, whose members are live descriptors.
        unsafe {
            let (next, previous) = ((*slab).next, (*slab).previous);
            (*slab).next = null_mut();
            (*slab).previous = null_mut();
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => self.classes[class].make_first(next),
            }
        }
    }
}

// SAFETY: blocks of a slab are disjoint and handed out once, by their bits; runs of pages come from the
// source, whose contract is the same.
unsafe impl<S: PageSource> Backend for Slab<S> {
    fn name(&self) -> &'static str {
        "slab"
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let service = service(layout)?;
        let block = self.serve(service);
        // The pages of an empty slab may be just those that are wanted.
        block.or_else(|| if self.trim_classes() { self.serve(service) } else { None })
    }

    fn is_quick(&self) -> bool {
        true
    }

    #[inline]
    unsafe fn allocate_quickly(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        if layout.align() > 16 || layout.size() > MOST_CLASS_BYTES {
            return None;
        }
        self.take_block(usize::from(CLASS_OF[layout.size().div_ceil(16)]))
    }

    #[inline]
    unsafe fn deallocate_quickly(&mut self, address: usize, _claimed: Option<Layout>) -> Option<usize> {
        let slab = self.map.part(address)?;
        self.give_block(slab, address)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: NonNull<u8>, _layout: Layout) -> usize {
        // SAFETY: handed on to the caller. The pointer alone says which block it is.
        let taken_bytes = unsafe { self.deallocate_unsized(block) };
        debug_assert!(taken_bytes.is_some(), "only live blocks are given back");
        taken_bytes.unwrap_or(0)
    }

    #[inline]
    unsafe fn deallocate_unsized(&mut self, block: NonNull<u8>) -> Option<usize> {
        let address = block.as_ptr() as usize;
        if let PageUse::Part(slab) = self.map.get(address) {
            self.free_to_slab(slab, address)
        } else {
            // SAFETY: handed on to the caller.
            unsafe { self.deallocate_pages(block) }
        }
    }

    #[inline]
    fn usable_size_bytes(&self, layout: Layout) -> usize {
        match service(layout) {
            Some(Service::Class(class)) => usize::from(CLASS_BYTES[class]),
            Some(Service::Pages { order }) => PAGE_BYTES << order,
            None => layout.size(),
        }
    }

    fn live(&self) -> Option<Live> {
        Some(self.classes.iter().fold(self.runs.live(), |sum, class| Live {
            blocks: sum.blocks + class.live_blocks as u64,
            bytes: sum.bytes + (class.live_blocks * class.block_bytes) as u64,
        }))
    }

    fn trim(&mut self) {
        self.trim_classes();
    }

    fn locate(&self, address: usize) -> Location {
        if let PageUse::Part(slab) = self.map.get(address) {
            // SAFETY: the map names live slabs only; `&self` keeps it from changing.
            let slab = unsafe { slab.as_ref() };
            let class = &self.classes[usize::from(slab.class)];
            let (number, _) = class.block_number(address - slab.start);
            let start = slab.start + number * class.block_bytes;
            if number >= class.blocks_per_slab {
                return Location::Unknown;
            }
            let is_free = slab.free.get(number / 64).is_some_and(|bits| bits >> (number % 64) & 1 != 0);
            return match Layout::from_size_align(class.block_bytes, 16) {
                Ok(layout) if !is_free => Location::Live { start, layout },
                _ => Location::Free { start },
            };
        }
        runs::locate(&self.map, address)
    }
}
