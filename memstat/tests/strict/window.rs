//! A platform and a backend whose memory is really protected and unmapped: an access to a protected page, or to a freed
//! block, ends the test.

#[path = "../common/lanes.rs"]
mod lanes;

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use memstat::{Backend, FirstUse, GuardPages, Hooks, Live, Location, Platform};
use memstat::{PAGE_SIZE_BYTES, StackSpan};

const NONE: c_int = 0;
const READ_AND_WRITE: c_int = 1 | 2;
const PRIVATE_AND_ANONYMOUS: c_int = 0x2 | 0x20;

unsafe extern "C" {
    fn mmap(
        at: *mut c_void,
        bytes: usize,
        access: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn mprotect(at: *mut c_void, bytes: usize, access: c_int) -> c_int;
    fn munmap(at: *mut c_void, bytes: usize) -> c_int;
}

fn map(bytes: usize, access: c_int) -> usize {
    // SAFETY: a fresh mapping, wherever there is room.
    let start = unsafe { mmap(null_mut(), bytes, access, PRIVATE_AND_ANONYMOUS, -1, 0) };
    assert_ne!(start as isize, -1, "no memory for the test");
    start as usize
}

fn protect(page: NonNull<u8>, access: c_int) {
    // SAFETY: a page of the window.
    assert_eq!(unsafe { mprotect(page.as_ptr().cast(), PAGE_SIZE_BYTES, access) }, 0);
}

fn unmap(start: usize, bytes: usize) {
    // SAFETY: from `map`, and nobody uses it any more.
    assert_eq!(unsafe { munmap(start as *mut c_void, bytes) }, 0);
}

#[derive(Clone, Copy, Debug, Default)]
struct Page {
    has_memory: bool,
    is_accessible: bool,
}

#[derive(Debug, Default)]
struct Window {
    start: usize,
    pages: Vec<Page>,
}

impl Window {
    fn page(&mut self, page: NonNull<u8>) -> &mut Page {
        let offset = page.as_ptr() as usize - self.start;
        assert!(offset.is_multiple_of(PAGE_SIZE_BYTES));
        &mut self.pages[offset / PAGE_SIZE_BYTES]
    }
}

/// A stack of one frame: no caller, and a return address.
static STACK: [usize; 2] = [0, 0x1234];

/// A platform with a window for sampled blocks, and a limited number of pages.
#[derive(Debug)]
pub(super) struct WindowPlatform {
    window: Mutex<Window>,
    stamp: AtomicU64,
    /// Whether nobody else uses the tracker, so that waiting for its lock is a deadlock.
    pub(super) is_alone: AtomicBool,
    /// Pages that are left, for the arena and for the window.
    pub(super) pages_left: AtomicUsize,
    /// Called while the tracker's lock is held.
    under_lock: fn(),
    used: lanes::Used,
}

impl WindowPlatform {
    pub(super) fn new(under_lock: fn()) -> Self {
        Self {
            window: Mutex::default(),
            stamp: AtomicU64::new(0),
            is_alone: AtomicBool::new(false),
            pages_left: usize::MAX.into(),
            under_lock,
            used: lanes::Used::default(),
        }
    }

    fn has_page_left(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.pages_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// An address in a protected page of the window, if there is one.
    pub(super) fn protected_address(&self, draw: usize) -> Option<usize> {
        let window = self.window.lock().unwrap();
        let protected = window.pages.iter().enumerate().filter(|(_, page)| !page.is_accessible);
        let protected: Vec<usize> = protected.map(|(place, _)| place).collect();
        let place = protected.get(draw.checked_rem(protected.len())?)?;
        Some(window.start + place * PAGE_SIZE_BYTES + draw / protected.len() % PAGE_SIZE_BYTES)
    }
}

// SAFETY: pages come from the host, each once; the tests have no interrupts.
unsafe impl Platform for WindowPlatform {
    const LANES: usize = lanes::lanes_of(module_path!());

    fn stamp(&self) -> u64 {
        (self.under_lock)();
        self.stamp.fetch_add(1, Ordering::Relaxed)
    }

    fn stamp_to_ns(&self, stamp: u64) -> u64 {
        stamp
    }

    fn cpu(&self) -> u8 {
        self.used.cpu(module_path!(), 0)
    }

    fn task(&self) -> u16 {
        0
    }

    fn frame_pointer(&self) -> usize {
        STACK.as_ptr() as usize
    }

    fn stack(&self, frame_pointer: usize) -> Option<StackSpan> {
        Some(StackSpan { frame_pointer, start: frame_pointer, size_bytes: size_of_val(&STACK) })
    }

    fn enter_critical(&self) -> usize {
        0
    }

    fn leave_critical(&self, _saved: usize) {}

    fn take_page(&self) -> Option<NonNull<u8>> {
        (self.under_lock)();
        if self.has_page_left() {
            NonNull::new(map(PAGE_SIZE_BYTES, READ_AND_WRITE) as *mut u8)
        } else {
            None
        }
    }

    unsafe fn give_page(&self, page: NonNull<u8>) {
        unmap(page.as_ptr() as usize, PAGE_SIZE_BYTES);
    }
}

// SAFETY: the window is fresh address space, and each page of it gets memory that was taken for it alone.
unsafe impl GuardPages for WindowPlatform {
    fn open_window(&self, pages: usize) -> Option<NonNull<u8>> {
        let mut window = self.window.lock().unwrap();
        assert!(window.pages.is_empty(), "opened twice");
        *window = Window { start: map(pages * PAGE_SIZE_BYTES, NONE), pages: vec![Page::default(); pages] };
        NonNull::new(window.start as *mut u8)
    }

    fn close_window(&self) {
        let window = std::mem::take(&mut *self.window.lock().unwrap());
        assert!(!window.pages.iter().any(|page| page.has_memory || page.is_accessible), "something is left");
        unmap(window.start, window.pages.len() * PAGE_SIZE_BYTES);
    }

    unsafe fn commit_page(&self, page: NonNull<u8>) -> bool {
        (self.under_lock)();
        let mut window = self.window.lock().unwrap();
        let state = window.page(page);
        assert!(!state.has_memory && !state.is_accessible, "committed twice");
        if !self.has_page_left() {
            return false;
        }
        *state = Page { has_memory: true, is_accessible: true };
        protect(page, READ_AND_WRITE);
        true
    }

    unsafe fn decommit_page(&self, page: NonNull<u8>) {
        (self.under_lock)();
        let mut window = self.window.lock().unwrap();
        assert!(std::mem::take(window.page(page)).has_memory, "decommitted twice");
        protect(page, NONE);
    }

    unsafe fn unprotect_page(&self, page: NonNull<u8>) {
        (self.under_lock)();
        self.window.lock().unwrap().page(page).is_accessible = true;
        protect(page, READ_AND_WRITE);
    }

    unsafe fn protect_page(&self, page: NonNull<u8>) {
        (self.under_lock)();
        self.window.lock().unwrap().page(page).is_accessible = false;
        protect(page, NONE);
    }
}

impl Hooks for WindowPlatform {
    fn is_lock_held_here(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }

    fn on_first_use(&self, _tracker: &dyn FirstUse) {
        self.used.set();
    }
}

/// A backend in which each block has pages of its own, which are unmapped when it is freed.
#[derive(Debug, Default)]
pub(super) struct PageBackend {
    /// Where each block starts, its layout, and where its pages start.
    live: BTreeMap<usize, (Layout, usize)>,
    live_bytes: u64,
}

fn rounded(layout: Layout) -> Layout {
    Layout::from_size_align(layout.size().max(1).next_multiple_of(16), layout.align().max(16)).unwrap()
}

fn page_bytes(layout: Layout) -> usize {
    layout.size().next_multiple_of(PAGE_SIZE_BYTES)
}

// SAFETY: blocks are mapped with the layout asked for, rounded up.
unsafe impl Backend for PageBackend {
    const KNOWS_LIVE: bool = true;

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        let layout = rounded(layout);
        if layout.size() > 1 << 24 || layout.align() > PAGE_SIZE_BYTES {
            return None;
        }
        let pages = map(page_bytes(layout), READ_AND_WRITE);
        // It ends at the page's end, as far as its alignment allows.
        let start = (pages + page_bytes(layout) - layout.size()) & !(layout.align() - 1);
        assert!(self.live.insert(start, (layout, pages)).is_none());
        self.live_bytes += layout.size() as u64;
        Some(NonNull::slice_from_raw_parts(NonNull::new(start as *mut u8)?, layout.size()))
    }

    fn has_fast_path(&self) -> bool {
        true
    }

    unsafe fn allocate_fast(&mut self, layout: Layout) -> Option<NonNull<[u8]>> {
        self.allocate(layout)
    }

    unsafe fn deallocate_fast(&mut self, address: usize, claimed: Option<Layout>) -> Option<usize> {
        let (own, _) = *self.live.get(&address)?;
        if claimed.is_some_and(|claimed| rounded(claimed) != own) {
            return None;
        }
        // SAFETY: live, with this layout; the caller gives it up.
        Some(unsafe { self.deallocate(NonNull::new(address as *mut u8)?, own) })
    }

    unsafe fn taken_size_bytes_fast(&self, layout: Layout) -> Option<usize> {
        Some(self.usable_size_bytes(layout))
    }

    unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) -> usize {
        let (own, pages) = self.live.remove(&(block.as_ptr() as usize)).expect("only live blocks come back");
        assert_eq!(own, rounded(layout), "the layout of the allocation comes back");
        self.live_bytes -= own.size() as u64;
        unmap(pages, page_bytes(own));
        own.size()
    }

    fn usable_size_bytes(&self, layout: Layout) -> usize {
        rounded(layout).size()
    }

    fn live(&self) -> Option<Live> {
        Some(Live { blocks: self.live.len() as u64, bytes: self.live_bytes })
    }

    fn locate(&self, address: usize) -> Location {
        let below = self.live.range(..=address).next_back();
        match below.filter(|(start, (layout, _))| address - **start < layout.size()) {
            Some((&start, &(layout, _))) => Location::Live { start, layout },
            None => Location::Unknown,
        }
    }
}
