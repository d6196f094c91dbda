//! `/proc/slabinfo`: the heap's size classes, in Linux's format 2.1.
//!
//! Source: Linux, slabinfo(5), and `mm/slab_common.c` for the format.

use core::fmt::{self, Write};

use tally_heap::SizeClass;
use vfs::Text;

use crate::memory::heap::tracker;

/// The file.
pub(super) struct SlabInfo;

impl Text for SlabInfo {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "slabinfo - version: 2.1")?;
        writeln!(
            out,
            "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> \
             <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>"
        )?;
        for number in 0.. {
            let class = tracker().with_backend(|backend| backend.class(number)).flatten();
            let Some(class) = class else { break };
            write_class(&class, out)?;
        }
        Ok(())
    }
}

fn write_class(class: &SizeClass, out: &mut dyn Write) -> fmt::Result {
    let SizeClass { block_bytes, blocks_per_slab, pages_per_slab, live_blocks, slabs, .. } = *class;
    let blocks = slabs * blocks_per_slab;
    if class.has_descriptors() {
        write!(out, "{:<17}", "slab-descriptor")?;
    } else {
        write!(out, "{:<17}", Name(block_bytes))?;
    }
    write!(out, " {live_blocks:6} {blocks:6} {block_bytes:6}")?;
    write!(out, " {blocks_per_slab:4} {pages_per_slab:4} : tunables {:4} {:4} {:4}", 0, 0, 0)?;
    writeln!(out, " : slabdata {slabs:6} {slabs:6} {:6}", 0)
}

/// A class' name, padded as one.
struct Name(usize);

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.checked_ilog10().unwrap_or(0) as usize + 1;
        let width = out.width().unwrap_or(0).saturating_sub("kmalloc-".len() + digits);
        write!(out, "kmalloc-{}{:width$}", self.0, "")
    }
}
