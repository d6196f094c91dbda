//! Nothing that is done with files allocates: making, writing, opening, reading, listing and closing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::{self, Write};
use std::sync::Mutex;

use vfs::{
    BATCH_BYTES, Buffers, Content, GeneratedFs, MountOptions, Node, OpenFlags, Pages, RAM_PAGE_BYTES, RamFs,
    Table, Text, Vfs,
};

struct Counting;

thread_local! {
    /// Of this thread alone: the one that waits for the test allocates when it likes.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the host's allocator, with a count.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: upheld by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: upheld by the caller.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One buffer, lent again and again.
struct OneBuffer(Mutex<Option<&'static mut [u8]>>);

impl Buffers for OneBuffer {
    fn take(&self, _size_bytes: usize) -> Option<&'static mut [u8]> {
        self.0.lock().expect("no test panics here").take()
    }

    fn give(&self, buffer: &'static mut [u8]) {
        *self.0.lock().expect("no test panics here") = Some(buffer);
    }
}

/// Lends a few pages, and takes none back.
struct FewPages(Mutex<(usize, [[u8; RAM_PAGE_BYTES]; 8])>);

impl Pages for FewPages {
    fn take(&self) -> Option<u32> {
        let (used, _) = &mut *self.0.lock().expect("no test panics here");
        *used += 1;
        u32::try_from(*used).ok()
    }

    fn give(&self, _page: u32) {}

    fn read(&self, page: u32, offset: usize, target: &mut [u8]) {
        let (_, pages) = &*self.0.lock().expect("no test panics here");
        target.copy_from_slice(&pages[page as usize - 1][offset..offset + target.len()]);
    }

    fn write(&self, page: u32, offset: usize, bytes: &[u8]) {
        let (_, pages) = &mut *self.0.lock().expect("no test panics here");
        pages[page as usize - 1][offset..offset + bytes.len()].copy_from_slice(bytes);
    }
}

static PAGES: FewPages = FewPages(Mutex::new((0, [[0; RAM_PAGE_BYTES]; 8])));
static ROOT: RamFs = RamFs::new(&PAGES, || 0);

struct Hello;

impl Text for Hello {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str("hello\n")
    }
}

impl Table for Hello {
    fn header(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str("head\n")
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> Result<Option<u64>, fmt::Error> {
        writeln!(out, "row {cursor}")?;
        Ok((cursor < 1000).then_some(cursor + 1))
    }
}

static NODES: [Node; 2] = [
    Node { name: "text", content: Content::Text(&Hello) },
    Node { name: "table", content: Content::Table(&Hello) },
];

#[test]
fn work_with_files_allocates_nothing() {
    let memory = Box::leak(vec![0_u8; BATCH_BYTES].into_boxed_slice());
    let buffers: &'static OneBuffer = Box::leak(Box::new(OneBuffer(Mutex::new(Some(memory)))));
    let vfs = Vfs::new(buffers);
    vfs.mount("none", "/", &ROOT, MountOptions::ReadWrite).unwrap();
    vfs.make_directory("/", "/proc").unwrap();
    let files = Box::leak(Box::new(GeneratedFs::new("proc", &NODES, || 0)));
    vfs.mount("proc", "/proc", files, MountOptions::ReadWrite).unwrap();

    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        for path in ["text", "../proc/./table"] {
            let file = vfs.open("/proc", path, OpenFlags::READ).unwrap();
            let mut buffer = [0; 100];
            while vfs.read(file, &mut buffer).unwrap() > 0 {}
            vfs.close(file).unwrap();
        }
        let file = vfs.open("/", "kept", OpenFlags::WRITE | OpenFlags::CREATE).unwrap();
        vfs.write(file, b"some text").unwrap();
        vfs.close(file).unwrap();
        let directory = vfs.open("/", "/proc", OpenFlags::READ).unwrap();
        while vfs.read_directory(directory).unwrap().is_some() {}
        vfs.close(directory).unwrap();
        let _ = vfs.canonical_directory("/proc", "..").unwrap();
        let _ = vfs.open("/", "/nope", OpenFlags::READ).unwrap_err();
        vfs.for_each_mount(|_, _| {});
    }
    assert_eq!(ALLOCATIONS.get(), before);
}
