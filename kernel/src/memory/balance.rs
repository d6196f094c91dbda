//! The balance of memory: every byte of RAM that the firmware names, from its map down to the blocks of the heap.
//!
//! Each figure comes from a counter of its own: the boot's sums over the memory map, the pages that were taken early, the
//! frames' count of free pages, the pages taken for each purpose, the heap's own count of its blocks, memstat's count of
//! the same. A sum that its parts do not give back is a row of its own, `not accounted for`, and the balance says so.

use core::fmt;

use arrayvec::ArrayVec;
use boot::{LeftOut, RamUse};
use memstat::Level;
use spin::Once;
use tally_heap::{PAGE_BYTES, SizeClass};

use super::heap::tracker;
use super::page_accounting::{Purpose, free_blocks, free_pages, pages_for, total_pages};
use crate::arch::{VAddr, cpu, image};

/// Maximum number of rows, those of differences included.
const MAX_ROWS: usize = 96;

/// The pages that the boot took before there were frames, and the memory that it has given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct BootPages {
    /// For the page tables of the image and of all RAM.
    pub(super) page_table_pages: u64,
    /// For the metadata of pages, and the page tables over it.
    pub(super) metadata_pages: u64,
    /// Memory for which there were no page tables.
    pub(super) dropped_bytes: u64,
}

static BOOT: Once<(&'static RamUse, &'static LeftOut, BootPages)> = Once::new();

/// Keeps what the boot has counted.
pub(super) fn start(ram: &'static RamUse, left_out: &'static LeftOut, pages: BootPages) {
    BOOT.call_once(|| (ram, left_out, pages));
}

/// A row of the balance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// How many rows it is a part of.
    pub(crate) depth: usize,
    pub(crate) name: Name,
    /// Negative only for what is not accounted for.
    pub(crate) bytes: i64,
}

/// What a row is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    Text(&'static str),
    /// Free runs of 2^order pages.
    Order(usize),
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => out.pad(text),
            Self::Order(order) => {
                let kib = (PAGE_BYTES << order) / 1024;
                out.pad(&short_text(format_args!("in runs of {kib} kB")))
            }
        }
    }
}

/// Text of a name, which is short.
fn short_text(text: fmt::Arguments<'_>) -> arrayvec::ArrayString<32> {
    let mut result = arrayvec::ArrayString::new();
    // A longer text would be cut.
    let _ = fmt::write(&mut result, text);
    result
}

/// The balance at one moment.
pub(crate) struct Balance {
    rows: ArrayVec<Row, MAX_ROWS>,
    depth: usize,
    /// Of the parts so far, in the sum that is being made.
    sum: u64,
    unaccounted: u64,
}

impl Balance {
    /// The balance now. No interrupt comes in between.
    pub(crate) fn now() -> Self {
        let mut balance = Self { rows: ArrayVec::new(), depth: 0, sum: 0, unaccounted: 0 };
        let were_enabled = cpu::mask_interrupts();
        balance.fill();
        cpu::restore_interrupts(were_enabled);
        balance
    }

    /// The rows, each sum before its parts.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether all is in balance, as the last line of reports.
    pub(crate) fn verdict(&self) -> Verdict {
        Verdict(self.unaccounted)
    }

    /// Bytes by which sums and their parts differ; 0 if all is in balance.
    #[cfg(feature = "lab")]
    pub(crate) fn unaccounted_bytes(&self) -> u64 {
        self.unaccounted
    }

    fn push(&mut self, name: Name, bytes: i64) {
        // There is room for all rows below.
        let _ = self.rows.try_push(Row { depth: self.depth, name, bytes });
    }

    fn part(&mut self, name: &'static str, bytes: u64) {
        self.sum += bytes;
        self.push(Name::Text(name), bytes as i64);
    }

    /// A part that most machines do not have.
    fn rare_part(&mut self, name: &'static str, bytes: u64) {
        if bytes > 0 {
            self.part(name, bytes);
        }
    }

    /// A sum, with its parts.
    fn sum(&mut self, name: &'static str, bytes: u64, parts: impl FnOnce(&mut Self)) {
        self.push(Name::Text(name), bytes as i64);
        let outer = core::mem::replace(&mut self.sum, 0);
        self.depth += 1;
        parts(self);
        let missing = bytes.wrapping_sub(self.sum) as i64;
        if missing != 0 {
            self.push(Name::Text("not accounted for"), missing);
            self.unaccounted += missing.unsigned_abs();
        }
        self.depth -= 1;
        self.sum = outer + bytes;
    }

    fn fill(&mut self) {
        let Some((ram, left_out, boot)) = BOOT.get() else { return };
        self.sum("RAM", ram.total_bytes(), |all| {
            all.rare_part("ACPI tables", ram.acpi_tables_bytes);
            all.rare_part("ACPI storage", ram.acpi_storage_bytes);
            all.rare_part("defective", ram.defective_bytes);
            all.sum("usable", ram.system_bytes, |usable| {
                usable.fill_boot(ram, left_out, boot);
                usable.fill_managed();
            });
        });
    }

    /// What never came to the frames.
    fn fill_boot(&mut self, ram: &RamUse, left_out: &LeftOut, boot: &BootPages) {
        self.part("first page", ram.first_frame_bytes);
        self.sum("kernel image", ram.image_bytes, |image| {
            let (header, text, rodata) = (image::header(), image::text(), image::rodata());
            let (data, bss, whole) = (image::data(), image::bss(), image::whole());
            let bytes = |from: VAddr, to: VAddr| (to - from).as_u64();
            image.part("header", bytes(header.start, text.start));
            image.part("code", bytes(text.start, rodata.start));
            image.part("constants", bytes(rodata.start, data.start));
            image.part("variables", bytes(data.start, bss.start));
            image.part("zeroed variables, stacks", bytes(bss.start, whole.end));
        });
        self.part("boot information", ram.boot_information_bytes);
        self.rare_part("modules", ram.modules_bytes);
        self.part("symbols, debug information", ram.sections_bytes);
        self.rare_part("parts of pages", ram.partial_frames_bytes);
        let lists_bytes = ram.left_out_regions_bytes + left_out.ranges_bytes;
        self.rare_part("beyond the lists of the boot", lists_bytes);
        self.rare_part("too scattered", left_out.scattered_bytes);
        self.rare_part("out of reach", left_out.beyond_reach_bytes);
        self.rare_part("without page tables", boot.dropped_bytes);
        self.part("page tables of the boot", boot.page_table_pages * PAGE_BYTES as u64);
        self.part("metadata of pages", boot.metadata_pages * PAGE_BYTES as u64);
    }

    /// What the frames have, and whom they gave it to.
    fn fill_managed(&mut self) {
        self.sum("managed", bytes_of(total_pages()), |managed| {
            managed.sum("free", bytes_of(free_pages()), |free| {
                for (order, count) in free_blocks().into_iter().enumerate().filter(|(_, count)| *count > 0) {
                    let bytes = bytes_of(count << order);
                    free.sum += bytes;
                    free.push(Name::Order(order), bytes as i64);
                }
            });
            for purpose in Purpose::ALL {
                let bytes = bytes_of(pages_for(purpose));
                match purpose {
                    Purpose::Heap => managed.sum(purpose.name(), bytes, Self::fill_heap),
                    _ => managed.part(purpose.name(), bytes),
                }
            }
        });
    }

    /// The heap's pages: blocks as memstat counts them, and what the heap itself knows of the rest.
    fn fill_heap(&mut self) {
        let guards = tracker().guards().statistics();
        let counters = tracker().counters();
        // Sampled blocks are in pages of their own.
        let sampled_bytes = guards.sampled_blocks * PAGE_BYTES as u64;
        let taken_bytes = counters.taken_bytes.saturating_sub(sampled_bytes);
        let is_all_counted = counters.live_untracked == 0 && tracker().level() >= Level::Blocks;
        let heap = tracker().with_backend(|heap| (HeapUse::of(heap), heap.live_bytes()));
        let Some((heap, live_bytes)) = heap else { return };
        if is_all_counted && guards.sampled_blocks == 0 {
            self.sum("blocks", taken_bytes, |blocks| {
                blocks.part("asked for", counters.live_bytes);
                blocks.part("rounding, red zones", taken_bytes.saturating_sub(counters.live_bytes));
            });
        } else if is_all_counted {
            self.part("blocks", taken_bytes);
        } else {
            self.part("blocks, recorded or not", live_bytes.saturating_sub(guards.quarantined_bytes));
        }
        self.rare_part("quarantine", guards.quarantined_bytes);
        match heap {
            HeapUse::Slabs { free_bytes, tail_bytes, descriptor_bytes } => {
                self.part("free blocks in slabs", free_bytes);
                self.part("ends of slabs", tail_bytes);
                self.part("slab descriptors", descriptor_bytes);
            }
            HeapUse::Regions { other_bytes } => self.part("free and metadata, in regions", other_bytes),
        }
    }
}

/// `balanced: yes`, or by how many bytes not.
pub(crate) struct Verdict(u64);

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => out.write_str("balanced: yes"),
            bytes => write!(out, "balanced: no, {bytes} bytes are not accounted for"),
        }
    }
}

/// The heap's memory that no block takes.
enum HeapUse {
    Slabs {
        free_bytes: u64,
        tail_bytes: u64,
        descriptor_bytes: u64,
    },
    /// The crates' heaps do not tell free memory from their metadata.
    Regions {
        other_bytes: u64,
    },
}

impl HeapUse {
    fn of<S: tally_heap::PageSource>(heap: &tally_heap::Heap<S>) -> Self {
        if heap.class(0).is_none() {
            let all = bytes_of(heap.shared_pages() + heap.large_pages());
            return Self::Regions { other_bytes: all.saturating_sub(heap.live_bytes()) };
        }
        let (mut free_bytes, mut tail_bytes, mut descriptor_bytes) = (0, 0, 0);
        for class in (0..).map_while(|number| heap.class(number)) {
            let SizeClass { block_bytes, blocks_per_slab, pages_per_slab, live_blocks, slabs, .. } = class;
            let slab_bytes = pages_per_slab * PAGE_BYTES;
            if class.has_descriptors() {
                descriptor_bytes += slabs * slab_bytes;
            } else {
                free_bytes += (slabs * blocks_per_slab - live_blocks) * block_bytes;
                tail_bytes += slabs * (slab_bytes - blocks_per_slab * block_bytes);
            }
        }
        let [free_bytes, tail_bytes, descriptor_bytes] =
            [free_bytes, tail_bytes, descriptor_bytes].map(|bytes| bytes as u64);
        Self::Slabs { free_bytes, tail_bytes, descriptor_bytes }
    }
}

fn bytes_of(pages: usize) -> u64 {
    (pages * PAGE_BYTES) as u64
}
